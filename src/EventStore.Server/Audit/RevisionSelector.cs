using System.Diagnostics.CodeAnalysis;
using EventStore.Server.Kubernetes.Selectors;
using EventStore.Server.Resources;
using EventStore.Server.Store.History;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Audit;

/// <summary>
/// Translates selectors into a query: labels each revision carries, and the fields below. Unsupported ones are refused, because an
/// empty list would pass for an answer.
/// </summary>
internal static class RevisionSelector
{
    /// <summary>The labels every revision has.</summary>
    private static readonly Dictionary<string, RevisionField> Labels = new()
    {
        ["job"] = RevisionField.Job,
        ["uid"] = RevisionField.Uid,
        ["verb"] = RevisionField.Event,
    };

    private static readonly Dictionary<string, RevisionField> Fields = new(Labels)
    {
        ["metadata.name"] = RevisionField.Name,
        ["metadata.namespace"] = RevisionField.Namespace,
        ["path"] = RevisionField.Path,
        ["reason"] = RevisionField.Reason,
        ["user"] = RevisionField.User,
    };

    /// <summary>
    /// Fields that stand in <c>spec</c> (the documented API) or in <c>spec.runPolicy</c> (the training operator's), by a word for both.
    /// </summary>
    private static readonly Dictionary<string, string> Policies = new()
    {
        ["backoff"] = "backoffLimit",
        ["clean"] = "cleanPodPolicy",
        ["deadline"] = "activeDeadlineSeconds",
        ["ttl"] = "ttlSecondsAfterFinished",
    };

    private const string Policy = "policy";

    /// <summary>The fields that may be selected by.</summary>
    public static IReadOnlyCollection<string> SelectableFields { get; } = [.. Fields.Keys, Policy];

    /// <summary>The query of a list or a watch.</summary>
    /// <param name="inNamespace">The namespace of its path, or null.</param>
    /// <param name="labels">Its label selector.</param>
    /// <param name="fields">Its field selector; it names <see cref="SelectableFields"/> only.</param>
    /// <param name="query">The query.</param>
    /// <param name="refusal">A 400.</param>
    public static bool TryRead(
        string? inNamespace, LabelSelector labels, FieldSelector fields,
        [NotNullWhen(true)] out RevisionQuery? query, [NotNullWhen(false)] out Status? refusal)
    {
        (query, refusal) = (null, null);
        var conditions = new List<RevisionCondition>();
        if (inNamespace is not null)
            conditions.Add(new RevisionCondition(RevisionField.Namespace, true, [inNamespace]));
        foreach (LabelRequirement requirement in labels.Requirements)
        {
            if (!TryAdd(conditions, requirement, out string? wrong))
                refusal ??= Status.BadRequest($"label selector not supported here: {requirement}; {wrong}");
        }

        HashSet<string> either = [.. fields.Requirements.Where(each => each is { Field: Policy, IsEqual: true }).SelectMany(Layouts)];
        foreach (FieldRequirement requirement in fields.Requirements)
        {
            if (requirement is { Field: "path", IsEqual: true } && either.Contains(requirement.Value))
                continue; // asked for in either layout, which the policy's own condition does
            if (requirement.Field == Policy && Layouts(requirement) is { Length: > 0 } layouts)
                conditions.Add(new RevisionCondition(RevisionField.Path, requirement.IsEqual, layouts));
            else if (requirement.Field == Policy)
                refusal ??= Status.BadRequest(
                    $"field selector not supported here: {requirement}; a policy is one of {string.Join(", ", Policies.Keys)}");
            else if (Condition(Fields[requirement.Field], requirement.IsEqual, [requirement.Value], out string? wrong) is { } condition)
                conditions.Add(condition);
            else
                refusal ??= Status.BadRequest($"field selector not supported here: {requirement}; {wrong}");
        }

        query = refusal is null ? Joined(conditions).Aggregate(new RevisionQuery(), (all, condition) => all.And(condition)) : null;
        return refusal is null;
    }

    /// <summary>
    /// Conditions of one kind on one field are one condition: not this and not that is not among both, this and that is among what both
    /// have. A revision may have several paths, so each path it must have is a condition of its own.
    /// </summary>
    private static IEnumerable<RevisionCondition> Joined(List<RevisionCondition> conditions)
    {
        foreach (var alike in conditions.GroupBy(condition => (condition.Field, condition.Among)))
        {
            if (alike.Key is { Field: RevisionField.Path, Among: true })
            {
                foreach (RevisionCondition each in alike)
                    yield return each;
                continue;
            }

            var values = new HashSet<string>(alike.First().Values);
            foreach (RevisionCondition more in alike.Skip(1))
            {
                if (alike.Key.Among)
                    values.IntersectWith(more.Values);
                else
                    values.UnionWith(more.Values);
            }

            yield return new RevisionCondition(alike.Key.Field, alike.Key.Among, [.. values]);
        }
    }

    private static string[] Layouts(FieldRequirement policy) =>
        Policies.TryGetValue(policy.Value, out string? name) ? [$"spec.{name}", $"spec.runPolicy.{name}"] : [];

    private static bool TryAdd(List<RevisionCondition> conditions, LabelRequirement requirement, [NotNullWhen(false)] out string? wrong)
    {
        wrong = null;
        if (!Labels.TryGetValue(requirement.Key, out RevisionField field))
            wrong = "revisions have the labels job, uid and verb, and no others";
        else if (requirement.Operator is LabelOperator.GreaterThan or LabelOperator.LessThan)
            wrong = "no label of a revision is a number";
        else if (requirement.Operator == LabelOperator.DoesNotExist)
            conditions.Add(new RevisionCondition(field, true, [])); // each has all of them
        else if (requirement.Operator != LabelOperator.Exists
            && Condition(
                field, requirement.Operator is LabelOperator.Equal or LabelOperator.In, requirement.Values, out wrong) is { } condition)
            conditions.Add(condition);
        return wrong is null;
    }

    private static RevisionCondition? Condition(RevisionField field, bool among, IReadOnlyList<string> values, out string? wrong)
    {
        wrong = values.Select(value => Wrong(field, value)).FirstOrDefault(text => text is not null);
        if (field == RevisionField.Reason && among && values.Contains(string.Empty))
            wrong = "no index has the revisions without a reason; reason!= finds those with one";
        if (wrong is not null)
            return null;
        return field switch
        {
            RevisionField.Uid => new(field, among, [.. values.Select(value => Guid.Parse(value).ToString())]),
            // Verbs are few: not one of these is one of the others, for which there are lists.
            RevisionField.Event =>
                new(field, true,
                [.. RevisionVerbs.All.Where(verb => values.Contains(verb) == among).Select(verb => RevisionVerbs.EventName(verb)!)]),
            _ => new(field, among, values),
        };
    }

    private static string? Wrong(RevisionField field, string value) => field switch
    {
        RevisionField.Uid => Guid.TryParseExact(value, "D", out _) ? null : "a uid is written as 01a20a53-f2d8-7112-a5fa-392aae952a7a",
        RevisionField.Event =>
            RevisionVerbs.EventName(value) is not null ? null : $"a verb is one of {string.Join(", ", RevisionVerbs.All)}",
        RevisionField.Path when value is "" or "metadata" or "spec" or "status" =>
            "a path is that of a field as changes name it, or metadata.labels or metadata.annotations for any of them",
        _ when value.Contains('\0', StringComparison.Ordinal) => "no value has U+0000 in it",
        _ => null,
    };
}
