using Kmem.Abstractions;

namespace Kmem.CharDevices.Tests.Fixtures;

/// <summary>Short forms of system calls for tests.</summary>
internal static class KernelCalls
{
    public static IOpenFile OpenNode(this IKernel kernel, string path, OpenFlags flags = OpenFlags.ReadWrite)
    {
        CallResult result = kernel.Open(new OpenRequest(kernel.Nodes.Single(n => n.Path == path), flags, Credentials.Root), out IOpenFile? file);
        Assert.Equal(Errno.None, result.Error);
        return file!;
    }

    public static IOpenFile Mem(this IKernel kernel, OpenFlags flags = OpenFlags.ReadWrite) => kernel.OpenNode("dev/mem", flags);

    /// <summary>lseek, then read into the process's buffer.</summary>
    public static CallResult ReadFrom(this IKernel kernel, IOpenFile file, TestProcess process, ulong position, ulong count)
    {
        Assert.Equal(Errno.None, kernel.Seek(file, (long)position, 0).Error);
        return kernel.Read(file, process, TestProcess.Buffer, count);
    }

    /// <summary>lseek, then write.</summary>
    public static CallResult WriteTo(this IKernel kernel, IOpenFile file, TestProcess process, ulong position, params byte[] bytes)
    {
        Assert.Equal(Errno.None, kernel.Seek(file, (long)position, 0).Error);
        return kernel.Write(file, process, process.Put(bytes), (ulong)bytes.Length);
    }

    public static CallResult MapAt(this IKernel kernel, IOpenFile file, ulong offset, ulong length, out IMapping? mapping, MapProtection protection = MapProtection.Read, MapFlags flags = MapFlags.Shared) =>
        kernel.Map(file, new MapRequest(0, length, protection, flags, offset), out mapping);
}
