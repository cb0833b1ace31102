namespace Kmem.Cli;

/// <summary>What the program's exit code says; <c>kmem --help</c> lists them.</summary>
internal static class ExitCodes
{
    /// <summary>Everything went well.</summary>
    public const int Ok = 0;

    /// <summary>The machine is wrong, or a check of it does not hold.</summary>
    public const int BadMachine = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;

    /// <summary>The machine is right, but the access or the operation asked for failed.</summary>
    public const int Failed = 3;

    /// <summary>Kmem itself is wrong: please report it.</summary>
    public const int Internal = 70;
}
