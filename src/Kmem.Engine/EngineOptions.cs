namespace Kmem.Engine;

/// <summary>Which back ends run code.</summary>
public enum EngineMode
{
    /// <summary>The interpreter starts, hot code is translated beside it.</summary>
    Both,

    /// <summary>The interpreter alone.</summary>
    Interpret,

    /// <summary>Everything is translated before its second execution; for tests.</summary>
    Translate,
}

/// <summary>Decisions about execution.</summary>
public sealed record EngineOptions
{
    /// <summary>Which back ends run code.</summary>
    public EngineMode Mode { get; init; } = EngineMode.Both;

    /// <summary>Executions of a block after which it is translated.</summary>
    public int HotThreshold { get; init; } = 1000;

    /// <summary>Most guest instructions in a translated region; more than about 500 would make the host's compiler give up optimizing.</summary>
    public int RegionLimit { get; init; } = 256;

    /// <summary>Times that translated code may ask the interpreter at one place before it is translated again.</summary>
    public int SideExitLimit { get; init; } = 100;

    /// <summary>Lifted blocks after which all of them are forgotten.</summary>
    public int BlockLimit { get; init; } = 1 << 18;

    /// <summary>Whether every lifted block is verified.</summary>
    public bool Verify { get; init; }

    internal int Threshold => Mode switch { EngineMode.Interpret => int.MaxValue, EngineMode.Translate => 2, _ => Math.Max(2, HotThreshold) };
}
