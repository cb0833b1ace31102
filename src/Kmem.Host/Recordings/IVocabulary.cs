namespace Kmem.Host.Recordings;

/// <summary>What the words of one recording program mean in system calls.</summary>
public interface IVocabulary
{
    /// <summary>Carries out a line and answers it; false when the vocabulary does not know the operation.</summary>
    bool TryRun(OperationLine line);
}
