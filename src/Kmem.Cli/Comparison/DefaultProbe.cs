namespace Kmem.Cli.Comparison;

/// <summary>The probe that <c>kmem compare</c> makes when it is given none.</summary>
/// <remarks>
/// Places have names, because the two machines put things at different addresses: <c>ram</c>, <c>hole</c>, <c>firmware</c> and <c>block</c>, a block of
/// registers that the comparison adds to both machines.
/// </remarks>
internal static class DefaultProbe
{
    /// <summary>The lines of the probe.</summary>
    public static IEnumerable<string> Lines
    {
        get
        {
            foreach (int width in (int[])[1, 2, 4, 8])
            {
                yield return Bus("write", "ram+0x1000", width, "0x1122334455667788");
                yield return Bus("read", "ram+0x1000", width);
            }

            for (int offset = 1; offset < 8; offset += 2)
            {
                yield return Bus("write", $"ram+0x{0x2000 + offset:X}", 1, "0xA5");
            }

            yield return Bus("read", "ram+0x2000", 8);
            yield return Bus("write", "ram+0x2013", 2, "0xBEEF");
            yield return Bus("read", "ram+0x2013", 4);
            foreach (int width in (int[])[1, 4, 8])
            {
                yield return Bus("read", "hole", width);
                yield return Bus("write", "hole", width, "0x55");
            }

            yield return Bus("read", "firmware", 8);
            yield return Bus("write", "firmware", 8, "0x0");
            foreach (int width in (int[])[1, 2, 4, 8])
            {
                yield return Bus("read", "block+0x00", width);
                yield return Bus("write", "block+0x00", width, "0xFFFFFFFFFFFFFFFF");
                yield return Bus("read", "block+0x00", width);
            }

            yield return Bus("write", "block+0x08", 8, "0x0000000000000001");
            yield return Bus("read", "block+0x08", 8);
            yield return Bus("write", "block+0x10", 8, "0x1234");
            yield return Bus("read", "block+0x10", 8);
            foreach (int width in (int[])[1, 2, 4])
            {
                yield return $$"""{"op":"bus_read","space":"ports","offset":"0x300","length":{{width}}}""";
            }

            yield return """{"op":"bus_read","space":"ports","offset":"0x3FD","length":1}""";
            yield return """{"op":"bus_write","space":"ports","offset":"0x3FF","length":1,"value":"0x5A"}""";
            yield return """{"op":"bus_read","space":"ports","offset":"0x3FE","length":2}""";
            yield return """{"op":"open","dev":"mem","fd":"m"}""";
            yield return """{"op":"pread","fd":"m","offset":"ram+0x1000","length":8}""";
            yield return """{"op":"pwrite","fd":"m","offset":"ram+0x1003","src":"aabbcc"}""";
            yield return """{"op":"pread","fd":"m","offset":"ram+0x1000","length":8}""";
            yield return """{"op":"pread","fd":"m","offset":"hole","length":8}""";
            yield return """{"op":"pwrite","fd":"m","offset":"firmware","src":"00"}""";
            yield return """{"op":"mmap","fd":"m","offset":"ram","length":8192,"map_name":"a"}""";
            yield return """{"op":"mmap","fd":"m","offset":"block","length":8192,"map_name":"b"}""";
            yield return """{"op":"load","fd":"m","map_name":"b","offset":0,"width":4}""";
            yield return """{"op":"lseek","fd":"m","offset":-1,"whence":0}""";
            yield return """{"op":"open","dev":"kmem","fd":"k"}""";
            yield return """{"op":"read","fd":"k","length":8}""";
            yield return """{"op":"open","dev":"port","fd":"p"}""";
            yield return """{"op":"pread","fd":"p","offset":"0x3FD","length":1}""";
            yield return """{"op":"pread","fd":"p","offset":"0x10000","length":1}""";
        }
    }

    private static string Bus(string what, string place, int width, string? value = null) =>
        value is null ? $$"""{"op":"bus_{{what}}","offset":"{{place}}","length":{{width}}}""" : $$"""{"op":"bus_{{what}}","offset":"{{place}}","length":{{width}},"value":"{{value}}"}""";
}
