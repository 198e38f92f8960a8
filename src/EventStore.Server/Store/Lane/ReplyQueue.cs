namespace EventStore.Server.Store.Lane;

/// <summary>
/// Replies that are ready and not sent yet. They are sent while the lane waits for the database (pipelining), so that the database works
/// while replies go out and further requests come in: <see cref="SendAndAwait{T}"/> is the only way the lane waits. Replies are sent by
/// other threads, up to 16 of them one after the other on one thread, because waking a thread costs as much as sending a reply.
/// </summary>
internal sealed class ReplyQueue
{
    private const int TogetherMax = 16;

    private readonly List<Group> groups = [];

    /// <summary>Gives a command its outcome, to be sent when the lane next waits.</summary>
    public void Give(QueuedCommand to, Outcome outcome)
    {
        if (groups is not [.., { Replies.Count: < TogetherMax } group])
            groups.Add(group = new Group());
        group.Replies.Add((to, outcome));
    }

    /// <summary>Sends the replies that are ready, unless the task has ended already, and waits for the task.</summary>
    public async Task<T> SendAndAwait<T>(Task<T> task)
    {
        if (!task.IsCompleted)
            Send();
        return await task;
    }

    /// <inheritdoc cref="SendAndAwait{T}"/>
    public async Task SendAndAwait(Task task)
    {
        if (!task.IsCompleted)
            Send();
        await task;
    }

    /// <summary>Sends the replies that are ready.</summary>
    public void Send()
    {
        foreach (Group group in groups)
            ThreadPool.UnsafeQueueUserWorkItem(group, preferLocal: false);
        groups.Clear();
    }

    private sealed class Group : IThreadPoolWorkItem
    {
        public List<(QueuedCommand To, Outcome Outcome)> Replies { get; } = new(TogetherMax);

        public void Execute()
        {
            foreach ((QueuedCommand to, Outcome outcome) in Replies)
                to.Complete(outcome);
        }
    }
}
