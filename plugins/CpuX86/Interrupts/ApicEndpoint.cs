using Kmem.Abstractions;

namespace Kmem.Plugins.CpuX86.Interrupts;

/// <summary>A local APIC's end of the APIC bus.</summary>
internal sealed class ApicEndpoint(X86Cpu cpu, LocalApic apic) : ILocalApic
{
    public IReadOnlyList<BusMaster> Masters { get; } = [cpu.Master];

    public IRegionHandler Registers => apic;

    public byte Priority => (byte)apic.ReadRegister(0xA0);

    public bool IsDestination(uint destination, bool isLogical) => apic.IsDestination(destination, isLogical);

    public void Accept(in InterruptMessage message)
    {
        switch (message.Delivery)
        {
            case InterruptDelivery.Fixed or InterruptDelivery.LowestPriority:
                apic.Request(message.Vector, message.IsLevel);
                break;
            case InterruptDelivery.Nmi:
                cpu.Interrupts.RaiseNonMaskable();
                break;
            case InterruptDelivery.Init when message.IsAssert:
                cpu.Interrupts.StartUp.RaiseInit();
                break;
            case InterruptDelivery.StartUp:
                cpu.Interrupts.StartUp.RaiseStartUp(message.Vector);
                break;
            case InterruptDelivery.Smi:
                cpu.Management.Request();
                break;
            case InterruptDelivery.External:
                cpu.Interrupts.RequestExternal();
                break;
            default:
                // The end of an INIT level means nothing to these processors.
                break;
        }
    }
}
