using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.Plugins.CharDevices.Resources;

/// <summary>What a kernel lets user space do with a page of physical memory.</summary>
internal enum PageRule : byte
{
    /// <summary>The real thing.</summary>
    Real,

    /// <summary>Reads give zeros and writes are dropped; a mapping shows the real thing.</summary>
    Zeros,

    /// <summary>Nothing: EPERM.</summary>
    Denied,
}

/// <summary>What a page is made of.</summary>
internal enum PageContent : byte
{
    /// <summary>No RAM.</summary>
    Other,

    /// <summary>RAM from end to end.</summary>
    Ram,

    /// <summary>RAM and something else.</summary>
    PartlyRam,
}

/// <summary>The answer for one page.</summary>
/// <param name="Rule">What user space may do.</param>
/// <param name="Content">What the page is made of.</param>
/// <param name="IsLow">Whether it lies in the first MiB.</param>
internal readonly record struct PageAnswer(PageRule Rule, PageContent Content, bool IsLow);

/// <summary>Which pages of physical memory user space may reach.</summary>
/// <remarks>Source: Linux 6.1 arch/x86/mm/init.c, kernel/resource.c; recordings with both settings of STRICT_DEVMEM and IO_STRICT_DEVMEM.</remarks>
internal sealed class PagePolicy
{
    private const ulong LowEnd = 1 << 20;

    private readonly KernelProfile _profile;
    private readonly IReadOnlyList<KernelResource> _rows;
    private readonly PageRuns<PageAnswer> _answers = new(new(PageRule.Real, PageContent.Other, IsLow: false));

    /// <summary>Works the answers out for all pages.</summary>
    public PagePolicy(KernelProfile profile, KernelResources resources)
    {
        (_profile, _rows) = (profile, resources.Rows);
        int shift = profile.PageShift;
        var edges = new SortedSet<ulong> { 0, LowEnd >> shift };
        foreach (KernelResource row in _rows)
        {
            edges.UnionWith([row.Range.Start >> shift, (row.Range.Start >> shift) + 1, row.Range.Last >> shift, (row.Range.Last >> shift) + 1]);
        }

        ulong[] starts = [.. edges];
        for (int i = 0; i < starts.Length; i++)
        {
            _answers.Set(starts[i], i + 1 < starts.Length ? starts[i + 1] - 1 : ulong.MaxValue, Decide(starts[i]));
        }
    }

    /// <summary>The answer for a page number, and the last page up to which it holds.</summary>
    public PageAnswer Find(ulong page, out ulong lastPage) => _answers.Find(page, out lastPage);

    private PageAnswer Decide(ulong page)
    {
        ulong first = page << _profile.PageShift, last = first + (ulong)_profile.PageSize - 1;
        bool isLow = _profile.HasLowMegabyte && first < LowEnd;
        PageContent content = PageContent.Other;
        bool isClaimed = false;
        foreach (KernelResource row in _rows)
        {
            if (!row.Range.Overlaps(new(first, last)))
            {
                continue;
            }

            if (row.IsRam && content != PageContent.Ram)
            {
                content = row.Range.Start <= first && row.Range.Last >= last ? PageContent.Ram : PageContent.PartlyRam;
            }

            isClaimed |= row.IsBusy && !row.IsRam && (_profile.IoStrictDevmem || row.IsExclusive);
        }

        PageRule rule = (_profile.StrictDevmem, content, isLow) switch
        {
            (false, _, _) => PageRule.Real,
            (_, PageContent.Ram or PageContent.PartlyRam, true) => PageRule.Zeros,
            (_, PageContent.Ram or PageContent.PartlyRam, false) => PageRule.Denied,
            (_, _, true) => PageRule.Real,
            _ => _profile.ChecksClaims && isClaimed ? PageRule.Denied : PageRule.Real,
        };
        return new(rule, content, isLow);
    }
}
