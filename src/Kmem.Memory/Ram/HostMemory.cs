using System.Runtime.InteropServices;

namespace Kmem.Memory;

/// <summary>The few calls of the host's C library that back guest memory.</summary>
internal static partial class HostMemory
{
    public const int ProtNone = 0, ProtReadWrite = 3;
    public const int MapShared = 1, MapPrivate = 2, MapFixed = 0x10, MapAnonymous = 0x20, MapNoReserve = 0x4000;
    private const uint CloseOnExec = 1;

    /// <summary>The part of the low address space that is asked for, and the most that one reservation takes of it.</summary>
    private const nint LowBegin = 0x1000_0000, LowEnd = 0x7000_0000;
    private const nuint LargestLow = 0x4000_0000;

    private static readonly Lock Gate = new();
    private static nint _nextLow = LowBegin;

    /// <summary>A sparse file in memory, or -1.</summary>
    public static int CreateFile(string name) => OperatingSystem.IsLinux() ? MemfdCreate(name, CloseOnExec) : -1;

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    private static partial int MemfdCreate(string name, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    public static partial int Truncate(int file, long length);

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    public static partial nint Map(nint address, nuint length, int protection, int flags, int file, long offset);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    public static partial int Unmap(nint address, nuint length);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    public static partial int Close(int file);

    /// <summary>Reserves address space, below 2 GiB where it is small and there is room: there an address is a displacement of one instruction of the host.</summary>
    /// <returns>The address, or -1.</returns>
    public static nint Reserve(nuint length)
    {
        nint hint = 0;
        if (length <= LargestLow)
        {
            lock (Gate)
            {
                if (_nextLow + (nint)length > LowEnd)
                {
                    _nextLow = LowBegin;
                }

                hint = _nextLow;
                _nextLow += (nint)((length + 0xFFFF) & ~(nuint)0xFFFF);
            }
        }

        // Without MapFixed the address is a wish: the host takes another one where something lies there already.
        return Map(hint, length, ProtReadWrite, MapPrivate | MapAnonymous | MapNoReserve, -1, 0);
    }

    /// <summary>The last error as a sentence.</summary>
    public static string LastError() => Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError());
}
