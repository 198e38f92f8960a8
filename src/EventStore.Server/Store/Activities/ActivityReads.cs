using System.Linq.Expressions;
using EventStore.Server.Store.Format;
using Marten;
using Npgsql;

namespace EventStore.Server.Store.Activities;

/// <summary>Reads the activity, through Marten's LINQ.</summary>
internal sealed class ActivityReads(DocumentStore store, NpgsqlDataSource database)
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>The revision up to which events are counted; 1 before the first.</summary>
    public async Task<long> UpTo(CancellationToken stop)
    {
        await using NpgsqlConnection connection = await database.OpenConnectionAsync(stop);
        return Math.Max(1, await ActivityOfLog.Progress(connection, stop) ?? 1);
    }

    /// <summary>
    /// Waits until events are counted up to a revision, within a time limit. Returns the revision up to which they are counted.
    /// </summary>
    public async Task<long> WaitFor(long revision, TimeSpan patience, CancellationToken stop)
    {
        long started = System.Diagnostics.Stopwatch.GetTimestamp();
        long upTo = await UpTo(stop);
        while (upTo < revision && System.Diagnostics.Stopwatch.GetElapsedTime(started) < patience)
        {
            await Task.Delay(Pause, stop);
            upTo = await UpTo(stop);
        }

        return upTo;
    }

    /// <summary>The counts, in no order, at most <paramref name="max"/>.</summary>
    public async Task<IReadOnlyList<ActivityCount>> Counts(ActivityQuery query, int max, CancellationToken stop)
    {
        await using IQuerySession session = store.QuerySession();
        IQueryable<DailyActivity> activity = session.Query<DailyActivity>();
        activity = query.ByField ? activity.Where(day => day.Field != "") : activity.Where(day => day.Field == "");
        if (query.Field is { } field)
            activity = activity.Where(day => day.Field == field);
        if (query.UserName is { } user)
            activity = activity.Where(day => day.UserName == user);
        if (query.Type is { } type)
            activity = activity.Where(day => day.Type == type);
        if (query.Namespace is { } @namespace)
            activity = activity.Where(day => day.Namespace == @namespace);
        if (query.Since is { } since)
            activity = activity.Where(day => day.Day >= since);
        if (query.Until is { } until)
            activity = activity.Where(day => day.Day < until);
        return await activity.GroupBy(Key(query.By)).Select(Sum(query.By)).Take(max).ToListAsync(stop);
    }

    /// <summary>The summaries of jobs, the last changed first, and how many there are in all.</summary>
    public async Task<(IReadOnlyList<JobActivity> Jobs, long Total)> Jobs(ActivityQuery query, int max, CancellationToken stop)
    {
        await using IQuerySession session = store.QuerySession();
        IQueryable<JobActivity> jobs = session.Query<JobActivity>();
        if (query.Namespace is { } @namespace)
            jobs = jobs.Where(job => job.Namespace == @namespace);
        if (query.Since is { } since)
        {
            var first = new DateTimeOffset(since, TimeOnly.MinValue, TimeSpan.Zero);
            jobs = jobs.Where(job => job.Changed >= first);
        }

        if (query.Until is { } until)
        {
            var end = new DateTimeOffset(until, TimeOnly.MinValue, TimeSpan.Zero);
            jobs = jobs.Where(job => job.Created < end);
        }

        long total = await jobs.LongCountAsync(stop);
        return (await jobs.OrderByDescending(job => job.Revision).Take(max).ToListAsync(stop), total);
    }

    /// <summary><c>day => new ActivityCount { UserName = day.UserName, … }</c>: what to group by is known at the request.</summary>
    private static Expression<Func<DailyActivity, ActivityCount>> Key(IReadOnlyList<string> by)
    {
        ParameterExpression day = Expression.Parameter(typeof(DailyActivity), "day");
        return Expression.Lambda<Func<DailyActivity, ActivityCount>>(
            Expression.MemberInit(Expression.New(typeof(ActivityCount)), by.Select(name => Bind(name, Expression.Property(day, name)))),
            day);
    }

    /// <summary><c>group => new ActivityCount { UserName = group.Key.UserName, …, Count = group.Sum(day => day.Count) }</c></summary>
    private static Expression<Func<IGrouping<ActivityCount, DailyActivity>, ActivityCount>> Sum(IReadOnlyList<string> by)
    {
        ParameterExpression group = Expression.Parameter(typeof(IGrouping<ActivityCount, DailyActivity>), "group");
        Expression key = Expression.Property(group, nameof(IGrouping<ActivityCount, DailyActivity>.Key));
        Expression<Func<DailyActivity, long>> count = day => day.Count;
        Expression sum = Expression.Call(typeof(Enumerable), nameof(Enumerable.Sum), [typeof(DailyActivity)], group, count);
        return Expression.Lambda<Func<IGrouping<ActivityCount, DailyActivity>, ActivityCount>>(
            Expression.MemberInit(
                Expression.New(typeof(ActivityCount)),
                by.Select(name => Bind(name, Expression.Property(key, name))).Append(Bind(nameof(ActivityCount.Count), sum))),
            group);
    }

    private static MemberAssignment Bind(string name, Expression value) =>
        Expression.Bind(typeof(ActivityCount).GetProperty(name)!, value);
}
