namespace Kmem.Fuzz.Alpha;

internal static class FuzzCommand
{
    public static int Run(string[] args) => 0;
}
