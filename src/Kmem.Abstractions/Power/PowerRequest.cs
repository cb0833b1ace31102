namespace Kmem.Abstractions;

/// <summary>What a device wants to happen to the machine as a whole.</summary>
public enum PowerAction
{
    /// <summary>The machine switches itself off and its run ends.</summary>
    Off,

    /// <summary>All devices and CPUs go through reset; memory keeps its contents.</summary>
    Reset,
}

/// <summary>A request of a device to switch the machine off or to reset it, as power management and reset control registers make them.</summary>
/// <param name="Action">What is to happen, after the instruction that caused it.</param>
/// <param name="Reason">A sentence for people.</param>
/// <param name="ExitCode">The exit code of the run where the guest gave one, 0..255.</param>
public sealed record PowerRequest(PowerAction Action, string Reason, int ExitCode = 0);
