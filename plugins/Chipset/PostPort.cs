using System.Globalization;
using System.Text;
using Kmem.Abstractions;

namespace Kmem.Plugins.Chipset;

/// <summary>Options of <c>pc.post</c>.</summary>
/// <param name="Chardev">Where each code goes as a line of two hexadecimal digits.</param>
/// <param name="End">Code that ends the run with exit code 0; above 255 for none.</param>
public sealed record PostPortOptions(
    [property: Option(OptionKind.CharBackend)] string Chardev = "none",
    [property: Option(Max = 256)] int End = 256);

/// <summary>A port to which self-tests write how far they are.</summary>
/// <remarks>Source: IBM PC/AT Technical Reference, "Manufacturing test port".</remarks>
[Device("pc.post")]
public sealed class PostPort : Device, IHasRegisters
{
    private byte _code;

    /// <summary>Creates the port.</summary>
    public PostPort(PostPortOptions options, IDeviceContext context)
    {
        ICharBackend line = context.Char("chardev");
        Registers = new RegisterMap(width: 1, count: 1).Add(0, "POST", () => _code, v =>
        {
            _code = (byte)v;
            foreach (byte letter in Encoding.ASCII.GetBytes(_code.ToString("X2", CultureInfo.InvariantCulture) + "\n"))
            {
                line.Transmit(letter);
            }

            if (_code == options.End)
            {
                context.RequestPower(new PowerRequest(PowerAction.Off, $"the POST code {_code:X2} ended the run"));
            }
        });
    }

    /// <inheritdoc/>
    public RegisterMap Registers { get; }

    /// <inheritdoc/>
    public override void Reset() => _code = 0;

    /// <inheritdoc/>
    public override void Save(StateWriter writer) => writer.U8(_code);

    /// <inheritdoc/>
    public override void Load(StateReader reader) => _code = reader.U8();
}
