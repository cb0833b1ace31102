using Kmem.Abstractions;

namespace Kmem.Plugins.CpuX86.Interrupts;

/// <summary>What a write of the interrupt command register asks for.</summary>
/// <param name="Message">The message, with all CPUs as its destination where a shorthand says so.</param>
/// <param name="Shorthand">0 for the destination field, 1 for the CPU itself, 2 for all, 3 for all but itself.</param>
/// <remarks>Source: Intel SDM volume 3, 11.6.1 "Interrupt Command Register (ICR)".</remarks>
internal readonly record struct InterruptCommand(InterruptMessage Message, uint Shorthand)
{
    private const uint Logical = 0x800, Assert = 0x4000, Level = 0x8000;

    /// <summary>Reads the register's two halves; the destination is the whole upper half in x2APIC mode, else its upper byte.</summary>
    public static InterruptCommand Of(uint low, uint high, bool isX2)
    {
        uint shorthand = (low >> 18) & 3;
        bool isLogical = (low & Logical) != 0;
        uint destination = shorthand != 0 ? InterruptMessage.All : isX2 ? high : InterruptMessage.Widen((byte)(high >> 24), isLogical);

        // Level and assert say something at INIT alone: together they are its end.
        bool isEnd = (low & (Level | Assert)) == Level;
        return new(new InterruptMessage((byte)low, (InterruptDelivery)((low >> 8) & 7), destination, shorthand == 0 && isLogical, IsAssert: !isEnd), shorthand);
    }

    /// <summary>Whether its delivery mode uses the vector as one.</summary>
    public bool HasVector => Message.Delivery is InterruptDelivery.Fixed or InterruptDelivery.LowestPriority;

    /// <summary>Brings it to the CPUs that it names.</summary>
    /// <param name="own">The sender's local APIC.</param>
    /// <param name="bus">The way to the others; null for none.</param>
    public void Send(ILocalApic own, IApicBus? bus)
    {
        if (Shorthand == 1 || bus is null)
        {
            if (Shorthand == 1 || (Shorthand != 3 && own.IsDestination(Message.Destination, Message.IsLogical)))
            {
                own.Accept(Message);
            }
        }
        else if (Shorthand != 3)
        {
            _ = bus.Send(Message);
        }
        else
        {
            foreach (ILocalApic other in bus.LocalApics)
            {
                if (!ReferenceEquals(other, own))
                {
                    other.Accept(Message);
                }
            }
        }
    }
}
