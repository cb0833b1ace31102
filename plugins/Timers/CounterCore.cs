namespace Kmem.Plugins.Timers;

/// <summary>What a counter of the 8254 does with CLK and GATE, without registers: its count and its output after any number of pulses, in closed form.</summary>
/// <remarks>
/// A value type, so that a copy can look ahead. Counts are plain numbers in both number systems; <see cref="Modulus"/> is 65536 or 10000.
/// Source: Intel 8254 datasheet (order number 231164), sections "Mode Definitions" and "Operation Common to All Modes".
/// </remarks>
internal struct CounterCore
{
    /// <summary>Mode 0..5.</summary>
    public int Mode;

    /// <summary>Whether it counts in decimal.</summary>
    public bool IsDecimal;

    /// <summary>The gate.</summary>
    public bool Gate;

    /// <summary>The output.</summary>
    public bool Out;

    /// <summary>The count to be loaded, 1 to <see cref="Modulus"/>; 0 before the first one.</summary>
    public int Initial;

    /// <summary>Whether <see cref="Initial"/> has not been loaded yet: NULL COUNT of the status.</summary>
    public bool IsNull;

    /// <summary>Whether a half-written count stops a counter in mode 0.</summary>
    public bool IsHeld;

    private int _element;
    private bool _loads, _isLoaded, _isOdd, _strobes;

    /// <summary>How many counts there are.</summary>
    public readonly int Modulus => IsDecimal ? 10_000 : 65_536;

    /// <summary>What the counting element shows. A count that the next pulse will load shows already.</summary>
    public readonly int Count => (_loads ? Loaded : _element) % Modulus;

    /// <summary>All fields that are not visible, for the saved state.</summary>
    public (int Element, int Flags) Hidden
    {
        readonly get => (_element, (_loads ? 1 : 0) | (_isLoaded ? 2 : 0) | (_isOdd ? 4 : 0) | (_strobes ? 8 : 0));
        set => (_element, _loads, _isLoaded, _isOdd, _strobes) = (value.Element, (value.Flags & 1) != 0, (value.Flags & 2) != 0, (value.Flags & 4) != 0, (value.Flags & 8) != 0);
    }

    private readonly int Loaded => Mode == 3 ? Initial & ~1 : Initial;

    /// <summary>Whether a low gate stops the count in this mode.</summary>
    private readonly bool IsStopped => !_isLoaded || IsHeld || (!Gate && Mode is not (1 or 5));

    /// <summary>Takes a control word: the output goes to where the mode begins, the count waits.</summary>
    public void Program(int mode, bool isDecimal)
    {
        (Mode, IsDecimal, Out, Initial, IsNull, IsHeld) = (mode, isDecimal, mode != 0, 0, true, false);
        (_loads, _isLoaded, _strobes) = (false, false, false);
    }

    /// <summary>The first byte of two in mode 0 stops the count and lowers the output at once.</summary>
    public void Hold()
    {
        if (Mode == 0)
        {
            (IsHeld, Out) = (true, false);
        }
    }

    /// <summary>Takes a count: modes 0 and 4 load it with the next pulse, modes 2 and 3 only the first one; 1 and 5 wait for the gate.</summary>
    public void Write(int count)
    {
        (Initial, IsNull, IsHeld) = (count, true, false);
        if (Mode == 0)
        {
            Out = false;
        }

        if (Mode is 0 or 4 || (Mode is 2 or 3 && !_isLoaded))
        {
            Load();
        }
    }

    /// <summary>Sets the gate: a rise starts modes 1 and 5 and restarts 2 and 3, a fall raises the output of 2 and 3.</summary>
    public void SetGate(bool high)
    {
        bool rises = high && !Gate;
        Gate = high;
        if (!high && Mode is (2 or 3))
        {
            Out = true;
        }

        if (rises && Mode is not (0 or 4) && Initial != 0)
        {
            Load();
        }
    }

    /// <summary>Lets CLK pulse.</summary>
    /// <param name="pulses">How often, 0 or more.</param>
    public void Advance(long pulses)
    {
        if (pulses > 0 && _loads)
        {
            // The pulse that loads does not count.
            (_loads, _isLoaded, _element) = (false, true, Loaded);
            _isOdd = (Initial & 1) != 0;
            _strobes = Mode is 4 or 5;
            Out = Mode is not (0 or 1);
            pulses--;
        }

        if (pulses == 0 || IsStopped)
        {
            return;
        }

        switch (Mode)
        {
            case 0 or 1:
                Out |= pulses >= Element();
                Down(pulses);
                break;
            case 2:
                Divide(pulses);
                break;
            case 3:
                Alternate(pulses);
                break;
            default:
                Strobe(pulses);
                break;
        }
    }

    /// <summary>Pulses until the output changes; null when it will not.</summary>
    public readonly long? PulsesToEdge()
    {
        if (_loads)
        {
            CounterCore next = this;
            next.Advance(1);
            return next.Out != Out ? 1 : 1 + next.PulsesToEdge();
        }

        return IsStopped ? null : Mode switch
        {
            0 or 1 => Out ? null : Element(),
            2 => Out ? Math.Max(1, Element() - 1) : Initial == 1 ? null : 1,
            3 => Half(),
            _ => !Out ? 1 : _strobes ? Element() : null,
        };
    }

    /// <summary>A count of 0 is the greatest one.</summary>
    private readonly int Element() => _element == 0 ? Modulus : _element;

    /// <summary>Pulses that are left of a half wave: an odd count gives its extra pulse to the high half.</summary>
    private readonly int Half() => Math.Max(1, (_element / 2) + (_isOdd && Out ? 1 : 0));

    private void Load()
    {
        _loads = true;

        // Nothing but the pulse itself is waited for, and it comes within a microsecond: recordings of QEMU (corpus/alpha, status of counter 2) show the count as loaded.
        IsNull = false;
    }

    private void Down(long pulses) => _element = (int)((((_element - pulses) % Modulus) + Modulus) % Modulus);

    /// <summary>Mode 2: N pulses, the last of them low.</summary>
    private void Divide(long pulses)
    {
        if (pulses < _element)
        {
            _element -= (int)pulses;
        }
        else
        {
            long left = pulses - _element;
            IsNull = false;
            _element = Initial - (int)(left % Initial);
        }

        Out = _element != 1;
    }

    /// <summary>Mode 3: two halves, each of which counts down by two.</summary>
    private void Alternate(long pulses)
    {
        bool hasWrapped = false;
        while (pulses >= Half())
        {
            pulses -= Half();
            Out = !Out;
            (_element, _isOdd, IsNull) = (Loaded, (Initial & 1) != 0, false);
            if (!hasWrapped)
            {
                // Whole periods leave everything as it is.
                hasWrapped = true;
                int first = Half();
                CounterCore other = this;
                other.Out = !Out;
                pulses %= first + other.Half();
            }
        }

        _element -= (int)(2 * pulses);
    }

    /// <summary>Modes 4 and 5: one pulse low at the end of the count.</summary>
    private void Strobe(long pulses)
    {
        int element = Element();
        bool ends = _strobes && pulses >= element;
        Out = !(ends && pulses == element);
        _strobes &= !ends;
        Down(pulses);
    }
}
