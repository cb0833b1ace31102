using Kmem.Abstractions;

namespace Kmem.Plugins.Typhoon;

/// <summary>The window whose reads are interrupt acknowledge cycles and whose writes are special cycles, which nobody here listens to.</summary>
internal sealed class AcknowledgeWindow(IInterruptAcknowledge? controller) : IRegionHandler
{
    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = uint.MaxValue;
        if (!Takes(offset, width))
        {
            return AccessResult.Misaligned;
        }

        // Without a target the cycle ends in a master abort, which reads as ones.
        if (controller is not null)
        {
            value = attributes.IsDebug ? controller.PeekVector() : controller.Acknowledge();
        }

        return AccessResult.Ok;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes) => Takes(offset, width) ? AccessResult.Ok : AccessResult.Misaligned;

    private static bool Takes(ulong offset, int width) => width == sizeof(uint) && offset % sizeof(uint) == 0;
}
