using Kmem.Abstractions;

namespace Kmem.Plugins.CpuX86.Interrupts;

/// <summary>INIT and start-up messages: how a CPU is brought back to its beginning, and from where it goes on.</summary>
/// <remarks>Source: Intel SDM volume 3, 9.4 "Multiple-Processor (MP) Initialization", 10.1.1 "Processor State After Reset".</remarks>
internal sealed class StartUpUnit(X86Cpu cpu)
{
    private const int None = -1;

    private bool _init;
    private int _page = None;

    /// <summary>Whether the CPU executes nothing until a start-up message comes.</summary>
    public bool IsAwaiting { get; private set; }

    /// <summary>Whether a message waits that the CPU will follow; INIT is held back in system management mode.</summary>
    public bool HasMessage => (_init && !cpu.Management.IsInside) || _page != None;

    /// <summary>After a reset: the bootstrap processor runs, all others wait for a start-up message.</summary>
    public void Reset(bool isBootstrap) => (_init, _page, IsAwaiting) = (false, None, !isBootstrap);

    /// <summary>An INIT message.</summary>
    public void RaiseInit()
    {
        (_init, _page) = (true, None);
        cpu.Interrupts.Ask();
    }

    /// <summary>A start-up message, which counts only for a CPU that awaits it or has an INIT before it.</summary>
    /// <param name="page">Physical page at which the CPU is to begin, 0..255.</param>
    public void RaiseStartUp(int page)
    {
        if ((IsAwaiting || (_init && !cpu.IsBootstrap)) && _page == None)
        {
            _page = page;
            cpu.Interrupts.Ask();
        }
    }

    /// <summary>Follows the messages that wait.</summary>
    /// <returns>Whether the CPU may look at other interrupts; false while it awaits a start-up message.</returns>
    public bool Take()
    {
        if (_init && !cpu.Management.IsInside)
        {
            _init = false;
            cpu.Initialize();
            IsAwaiting = !cpu.IsBootstrap;
        }

        if (IsAwaiting && _page != None)
        {
            IsAwaiting = false;
            cpu.BeginAtPage(_page);
            _page = None;
        }

        if (!IsAwaiting)
        {
            return true;
        }

        cpu.Execution.Wait();
        return false;
    }

    /// <summary>Saves it.</summary>
    public void Save(StateWriter writer)
    {
        writer.U8((byte)((_init ? 1 : 0) | (IsAwaiting ? 2 : 0)), "start_up");
        writer.U32((uint)_page, "start_up_page");
    }

    /// <summary>Restores it.</summary>
    public void Load(StateReader reader)
    {
        byte state = reader.U8();
        (_init, IsAwaiting, _page) = ((state & 1) != 0, (state & 2) != 0, (int)reader.U32());
    }
}
