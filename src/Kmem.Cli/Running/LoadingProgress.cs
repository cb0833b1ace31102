namespace Kmem.Cli.Running;

/// <summary>Says on the terminal what takes time before the machine runs; the line goes away afterwards. Silent where standard error is no terminal.</summary>
internal sealed class LoadingProgress : IDisposable
{
    private const string Clear = "\r\x1b[K";

    private readonly bool _shows = !Console.IsErrorRedirected;
    private bool _isShown;

    /// <summary>Shows a step.</summary>
    public void Say(string step)
    {
        if (_shows)
        {
            Console.Error.Write($"{Clear}kmem: {step} …");
            _isShown = true;
        }
    }

    /// <summary>Shows that a file is read.</summary>
    public void Reading(string path)
    {
        var file = new FileInfo(path);
        Say(file.Exists ? $"loading {file.Name} ({(file.Length + 1023) >> 10} KiB)" : $"loading {file.Name}");
    }

    /// <summary>Takes the line away.</summary>
    public void Dispose()
    {
        if (_isShown)
        {
            Console.Error.Write(Clear);
            _isShown = false;
        }
    }
}
