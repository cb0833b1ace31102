using Kmem.Abstractions;
using Kmem.Description;

namespace Kmem.Machine.Composition;

/// <summary>Puts devices into the state in which firmware leaves them.</summary>
internal static class FirmwareStateWriter
{
    private static readonly string[] OverlayWords = ["off", "on", "read", "write", "rw"];

    public static void Apply(RunningMachine machine, DiagnosticBag diagnostics)
    {
        var scalars = new ScalarReader(diagnostics);
        foreach (FirmwareStateDescription state in machine.Description.FirmwareState)
        {
            if (!machine.Devices.TryGetValue(state.Device.Text, out MachineDevice? device))
            {
                if (!machine.Description.Devices.Any(d => d.Id == state.Device.Text))
                {
                    diagnostics.Error(DiagnosticCodes.UnknownDevice, state.Span, $"firmware-state names the device '{state.Device.Text}', which does not exist", Suggestions.Nearest(state.Device.Text, machine.Devices.Keys));
                }

                continue;
            }

            foreach (ConfigEntry entry in state.Entries)
            {
                Apply(machine, device, entry, scalars, diagnostics);
            }
        }
    }

    private static void Apply(RunningMachine machine, MachineDevice device, ConfigEntry entry, ScalarReader scalars, DiagnosticBag diagnostics)
    {
        string key = entry.Key.Text;
        if (machine.Overlays.TryGetValue($"{device.Description.Id}.{key}", out IOverlaySwitch? overlay))
        {
            if (scalars.Choice(entry.Value, OverlayWords, DiagnosticCodes.FirmwareState) is { } word)
            {
                ((OverlaySwitch)overlay).SelectAll(word switch { "on" or "rw" => OverlayState.On, "read" => OverlayState.Read, "write" => OverlayState.Write, _ => OverlayState.Off });
            }

            return;
        }

        if (scalars.Number(entry.Value, code: DiagnosticCodes.FirmwareState) is not { } value)
        {
            return;
        }

        if (device.Instance is IFirmwareState firmware && firmware.TrySetFirmwareState(key, value))
        {
            return;
        }

        if (device.Instance is IPciFunction function && function.Configuration.TrySetFirmwareState(key, value))
        {
            return;
        }

        if (device.Instance is IHasRegisters registers && registers.Registers.Find(key) is { CanWrite: true } register)
        {
            registers.Registers.Write(registers.Registers.OffsetOf(register), registers.Registers.Width, value, AccessAttributes.Firmware);
            return;
        }

        IEnumerable<string> names = (device.Instance as IHasRegisters)?.Registers.All.Select(r => r.Name) ?? [];
        diagnostics.Error(DiagnosticCodes.FirmwareState, entry.Key.Span, $"{device.Description.Id} ({device.Type.Name}) has no state '{key}' that firmware could leave", Suggestions.Nearest(key, names));
    }
}
