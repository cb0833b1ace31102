using Kmem.Fuzz.Alpha;

return FuzzCommand.Run(args);
