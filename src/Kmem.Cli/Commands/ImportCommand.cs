using System.CommandLine;
using System.IO.Compression;
using Kmem.Description.Import;

namespace Kmem.Cli.Commands;

/// <summary><c>kmem import</c>: a machine from the facts of a running system.</summary>
internal static class ImportCommand
{
    public static Command Create()
    {
        var command = new Command("import", "Writes a machine from the facts of a running system (iomem, ioports, PCI, command line) or of a recording");
        var facts = new Argument<string?>("FACTS") { Description = "The facts; see docs/import.md for how to collect them", Arity = ArgumentArity.ZeroOrOne };
        var recording = new Option<string?>("--recording") { Description = "A recording, for what it says of the kernel that answered", HelpName = "FILE" };
        var name = new Option<string>("--name") { Description = "Name of the machine", DefaultValueFactory = _ => "imported" };
        var output = new Option<string?>("--output", "-o") { Description = "Writes to a file instead of standard output", HelpName = "FILE" };
        command.Add(facts);
        command.Add(recording);
        command.Add(name);
        command.Add(output);
        command.SetAction(parsed => Run(parsed.GetValue(facts), parsed.GetValue(recording), parsed.GetValue(name)!, parsed.GetValue(output)));
        return command;
    }

    private static int Run(string? facts, string? recording, string name, string? output)
    {
        if (facts is null && recording is null)
        {
            Terminal.Error("import needs facts, a recording, or both");
            return ExitCodes.Usage;
        }

        try
        {
            MachineFacts? read = null;
            if (facts is not null)
            {
                using TextReader reader = OpenText(facts);
                read = MachineFacts.Read(reader);
            }

            RecordingHead? head = recording is null ? null : RecordingHead.Read(Lines(recording));
            string machine = MachineImport.Write(name, read, head);
            if (output is null)
            {
                Console.Out.Write(machine);
            }
            else
            {
                File.WriteAllText(output, machine);
            }

            return ExitCodes.Ok;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException)
        {
            Terminal.Error(e.Message);
            return ExitCodes.Usage;
        }
    }

    private static IEnumerable<string> Lines(string path)
    {
        using TextReader reader = OpenText(path);
        while (reader.ReadLine() is { } line)
        {
            yield return line;
        }
    }

    private static StreamReader OpenText(string path) =>
        path.EndsWith(".gz", StringComparison.Ordinal) ? new StreamReader(new GZipStream(File.OpenRead(path), CompressionMode.Decompress)) : File.OpenText(path);
}
