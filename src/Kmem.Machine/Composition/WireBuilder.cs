using Kmem.Description;

namespace Kmem.Machine.Composition;

/// <summary>Connects outputs to inputs.</summary>
internal sealed class WireBuilder(RunningMachine machine, DiagnosticBag diagnostics)
{
    public void Build()
    {
        foreach (DeviceDescription device in machine.Description.Devices.Where(d => machine.Devices.ContainsKey(d.Id)))
        {
            foreach (WireDescription wire in device.Wires)
            {
                Connect(device, wire);
            }
        }
    }

    private void Connect(DeviceDescription device, WireDescription wire)
    {
        string output = $"{device.Id}.{wire.Output.Text}";
        if (!machine.Outputs.TryGetValue(output, out OutputLine? line))
        {
            string[] own = [.. machine.Outputs.Keys.Where(o => o.StartsWith(device.Id + ".", StringComparison.Ordinal)).Select(o => o[(device.Id.Length + 1)..])];
            diagnostics.Error(
                DiagnosticCodes.UnknownOutput, wire.Output.Span, $"{device.Id} has no output '{wire.Output.Text}'; it has {(own.Length == 0 ? "none" : string.Join(", ", own))}", Suggestions.Nearest(wire.Output.Text, own));
            return;
        }

        if (Names.Resolve(device.Id, wire.Target.Text, machine.Inputs.ContainsKey) is { } pin)
        {
            line.Connect(machine.Inputs[pin], wire.IsInverted);
            return;
        }

        if (ConnectGroup(device, wire, line))
        {
            return;
        }

        // Longest device name first: pc.pic.in.4 is pin in.4 of pc.pic.
        string[] parts = wire.Target.Text.Split('.');
        string? target = Enumerable.Range(1, parts.Length - 1).Reverse()
            .Select(n => Names.Resolve(device.Id, string.Join('.', parts[..n]), name => machine.Description.Devices.Any(d => d.Id == name)))
            .FirstOrDefault(d => d is not null);
        if (target is null)
        {
            string? near = Suggestions.Nearest(parts[0], machine.Description.Devices.Select(d => d.Id));
            diagnostics.Error(
                DiagnosticCodes.WireTarget, wire.Target.Span, $"{device.Id}.{wire.Output.Text} is wired to '{wire.Target.Text}', but there is no device '{parts[0]}'", near is null ? null : string.Join('.', parts[1..].Prepend(near)));
        }
        else if (machine.Devices.ContainsKey(target))
        {
            string[] pins = [.. machine.Inputs.Keys.Where(i => i.StartsWith(target + ".", StringComparison.Ordinal))];
            diagnostics.Error(
                DiagnosticCodes.UnknownPin, wire.Target.Span, $"{device.Id}.{wire.Output.Text} is wired to '{wire.Target.Text}', but {target} has no such pin{(pins.Length == 0 ? "" : $"; it has {string.Join(", ", pins.Take(8))}{(pins.Length > 8 ? ", ..." : "")}")}", Suggestions.Nearest(wire.Target.Text, pins));
        }
    }

    /// <summary>Connects to the pin of every device of a group.</summary>
    /// <returns>False when the target names no group that has the pin.</returns>
    private bool ConnectGroup(DeviceDescription device, WireDescription wire, OutputLine line)
    {
        string[] parts = wire.Target.Text.Split('.');
        for (int n = parts.Length - 1; n > 0; n--)
        {
            if (Names.Resolve(device.Id, string.Join('.', parts[..n]), name => machine.Description.Devices.Any(d => d.Group == name)) is not { } group)
            {
                continue;
            }

            InputPin?[] pins = [.. machine.Description.Devices.Where(d => d.Group == group).Select(d => machine.Inputs.GetValueOrDefault($"{d.Id}.{string.Join('.', parts[n..])}"))];
            if (pins.Length > 0 && Array.TrueForAll(pins, p => p is not null))
            {
                Array.ForEach(pins, p => line.Connect(p!, wire.IsInverted));
                return true;
            }
        }

        return false;
    }
}
