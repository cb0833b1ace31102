namespace Kmem.Plugins.CharDevices.Resources;

/// <summary>A value for every number of a line, stored as the runs over which it stays the same.</summary>
/// <typeparam name="T">Type of the value.</typeparam>
/// <param name="initial">Value of all numbers at first.</param>
internal sealed class PageRuns<T>(T initial)
    where T : struct
{
    private readonly List<(ulong Start, T Value)> _runs = [(0, initial)];

    /// <summary>The value of a number, and the last number up to which it holds.</summary>
    public T Find(ulong number, out ulong last)
    {
        int index = IndexOf(number);
        last = index + 1 < _runs.Count ? _runs[index + 1].Start - 1 : ulong.MaxValue;
        return _runs[index].Value;
    }

    /// <summary>Gives the numbers from <paramref name="first"/> to <paramref name="last"/> a value.</summary>
    public void Set(ulong first, ulong last, T value)
    {
        T after = last == ulong.MaxValue ? default : Find(last + 1, out _);
        int index = IndexOf(first);
        int from = _runs[index].Start == first ? index : index + 1;
        int end = from;
        while (end < _runs.Count && _runs[end].Start <= last)
        {
            end++;
        }

        bool resumes = last != ulong.MaxValue && (end == _runs.Count || _runs[end].Start != last + 1);
        _runs.RemoveRange(from, end - from);
        if (resumes)
        {
            _runs.Insert(from, (last + 1, after));
        }

        _runs.Insert(from, (first, value));
        Join(from + 1);
        Join(from);
    }

    private void Join(int index)
    {
        if (index > 0 && index < _runs.Count && EqualityComparer<T>.Default.Equals(_runs[index].Value, _runs[index - 1].Value))
        {
            _runs.RemoveAt(index);
        }
    }

    private int IndexOf(ulong number)
    {
        int low = 0, high = _runs.Count - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >>> 1;
            if (_runs[middle].Start <= number)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return low;
    }
}
