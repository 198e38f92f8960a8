namespace EventStore.Server.Store;

/// <summary>
/// Takes answers off the lane's hands: they are given on other threads, so that the lane goes on. A few of them share a thread, one after
/// the other, because waking a thread costs as much as sending an answer.
/// </summary>
internal sealed class Answers
{
    private const int TogetherMax = 16;

    private Group next = new();

    /// <summary>Gives an answer, at the latest with the next <see cref="Send"/>.</summary>
    public void Give(QueuedCommand to, Outcome outcome)
    {
        next.Answers.Add((to, outcome));
        if (next.Answers.Count == TogetherMax)
            Send();
    }

    /// <summary>Sends what was given.</summary>
    public void Send()
    {
        if (next.Answers.Count == 0)
            return;
        ThreadPool.UnsafeQueueUserWorkItem(next, preferLocal: false);
        next = new Group();
    }

    private sealed class Group : IThreadPoolWorkItem
    {
        public List<(QueuedCommand To, Outcome Outcome)> Answers { get; } = new(TogetherMax);

        public void Execute()
        {
            foreach ((QueuedCommand to, Outcome outcome) in Answers)
                to.Complete(outcome);
        }
    }
}
