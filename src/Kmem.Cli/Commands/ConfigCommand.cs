using System.CommandLine;
using Kmem.Description;

namespace Kmem.Cli.Commands;

/// <summary><c>kmem config FILE --effective</c>: the merged machine, each value with its origin if wanted; runs no plugin code.</summary>
internal static class ConfigCommand
{
    public static Command Create()
    {
        var command = new Command("config", "Shows the machine after includes, parameters, patches and variants; runs no plugin code");
        var machine = new MachineArguments().AddTo(command);
        var effective = new Option<bool>("--effective") { Description = "Writes the merged machine as one file (the default)" };
        var origins = new Option<bool>("--origins") { Description = "Adds to each value the file and line that it comes from" };
        var parameters = new Option<bool>("--params") { Description = "Lists the parameters instead" };
        command.Add(effective);
        command.Add(origins);
        command.Add(parameters);
        command.SetAction(parsed =>
        {
            if (machine.LoadOptions(parsed) is not { } load)
            {
                return ExitCodes.Usage;
            }

            LoadResult result = DescriptionLoader.Load(parsed.GetValue(machine.File)!, load);
            if (result.Diagnostics.Sorted.Count > 0)
            {
                Terminal.Show(result.Diagnostics, parsed.GetValue(machine.Format)!);
            }

            if (result.Machine is null || result.Diagnostics.HasErrors)
            {
                return ExitCodes.BadMachine;
            }

            if (parsed.GetValue(parameters))
            {
                foreach (ParameterDescription parameter in result.Machine.Parameters)
                {
                    Console.Out.WriteLine($"{parameter.Name,-16} {parameter.Type,-7} {parameter.Value,-14} {parameter.Help}".TrimEnd());
                }
            }
            else
            {
                Console.Out.Write(EffectiveWriter.Write(result.Machine, parsed.GetValue(origins)));
            }

            return ExitCodes.Ok;
        });
        return command;
    }
}
