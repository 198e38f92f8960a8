namespace EventStore.Server.Store.Lane;

/// <summary>
/// Takes answers off the lane's hands: they are given on other threads, when the lane says so, and it goes on. A few of them share a thread,
/// one after the other, because waking a thread costs as much as sending an answer.
/// </summary>
internal sealed class ReplyQueue
{
    private const int TogetherMax = 16;

    private readonly List<Group> groups = [];

    /// <summary>Gives an answer, with the next <see cref="Send"/>.</summary>
    public void Give(QueuedCommand to, Outcome outcome)
    {
        if (groups is not [.., { ReplyQueue.Count: < TogetherMax } group])
            groups.Add(group = new Group());
        group.ReplyQueue.Add((to, outcome));
    }

    /// <summary>Sends what was given.</summary>
    public void Send()
    {
        foreach (Group group in groups)
            ThreadPool.UnsafeQueueUserWorkItem(group, preferLocal: false);
        groups.Clear();
    }

    private sealed class Group : IThreadPoolWorkItem
    {
        public List<(QueuedCommand To, Outcome Outcome)> ReplyQueue { get; } = new(TogetherMax);

        public void Execute()
        {
            foreach ((QueuedCommand to, Outcome outcome) in ReplyQueue)
                to.Complete(outcome);
        }
    }
}
