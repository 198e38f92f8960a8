using System.Reflection;
using System.Runtime.CompilerServices;
using EventStore.Domain.Jobs;
using EventStore.Domain.Json;
using EventStore.Server.Jobs;
using EventStore.Server.Store.Lane;
using Status = EventStore.Server.Kubernetes.Status;

namespace EventStore.Server.Tests.Jobs;

/// <summary>Each reason of the domain for a refusal has an answer: a new one fails here until it has one.</summary>
public sealed class Every_rejection
{
    public static TheoryData<Type> Kinds =>
        [.. typeof(Rejection).GetNestedTypes(BindingFlags.Public | BindingFlags.NonPublic).Where(
            type => type.IsSubclassOf(typeof(Rejection)))];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Has_an_answer(Type kind)
    {
        var outcome = new Outcome.Refused((Rejection)Sample(kind));
        object answer = JobAnswers.Of(outcome, new JobKey("ns", "a"), "id", _ => throw new InvalidOperationException("it was refused"));
        Status status = Assert.IsType<Status>(answer);
        Assert.InRange(status.Code, 400, 599);
        Assert.NotEmpty(status.Message);
    }

    /// <summary>A value of the type: from its first constructor, with samples for the parameters.</summary>
    private static object Sample(Type type)
    {
        if (type == typeof(string))
            return "text";
        if (type == typeof(FieldPath))
            return FieldPath.Of("spec");
        if (type.IsValueType)
            return RuntimeHelpers.GetUninitializedObject(type);
        if (type.IsInterface)
        {
            Type item = type.GetGenericArguments()[0];
            var list = Array.CreateInstance(item, 1);
            list.SetValue(Sample(item), 0);
            return list;
        }

        ConstructorInfo constructor = type.GetConstructors().First();
        return constructor.Invoke([.. constructor.GetParameters().Select(parameter => Sample(parameter.ParameterType))]);
    }
}
