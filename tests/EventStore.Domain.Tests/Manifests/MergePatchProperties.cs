using EventStore.Domain.Json;
using FsCheck.Xunit;

namespace EventStore.Domain.Tests.Manifests;

[Properties(Arbitrary = [typeof(JsonArbitrary)], MaxTest = 300)]
public sealed class MergePatchProperties
{
    [Property]
    public bool Patching_twice_is_patching_once(JsonValue target, JsonValue patch)
    {
        JsonValue once = MergePatch.Apply(target, patch);
        return ReferenceEquals(once, MergePatch.Apply(once, patch));
    }

    [Property]
    public bool The_patch_between_two_objects_leads_from_one_to_the_other(JsonObject from, Plain to) =>
        MergePatch.Apply(from, MergePatch.Between(from, to.Value)).Equals(to.Value);

    [Property]
    public bool The_patch_between_equal_objects_is_empty(JsonObject value) =>
        MergePatch.Between(value, (JsonObject)JsonReading.Parse(value.ToUtf8())).Count == 0;

    [Property]
    public bool The_inverse_takes_a_patch_back(Plain before, JsonObject patch)
    {
        var after = (JsonObject)MergePatch.Apply(before.Value, patch);
        return MergePatch.Apply(after, MergePatch.Between(after, before.Value)).Equals(before.Value);
    }

    [Property]
    public bool The_effective_patch_does_what_the_patch_did(Plain before, JsonObject patch)
    {
        JsonValue after = MergePatch.Apply(before.Value, patch);
        return MergePatch.Apply(before.Value, MergePatch.Between(before.Value, (JsonObject)after)).Equals(after);
    }

    [Property]
    public bool A_patch_never_touches_what_it_does_not_name(JsonObject target, JsonObject patch) =>
        Untouched(target, patch, MergePatch.Apply(target, patch));

    [Property]
    public bool The_same_object_comes_back_if_and_only_if_nothing_changed(JsonObject target, JsonObject patch)
    {
        JsonValue patched = MergePatch.Apply(target, patch);
        return ReferenceEquals(patched, target) == patched.Equals(target);
    }

    [Property]
    public bool Nothing_is_patched_as_an_empty_object_is(JsonObject patch) =>
        MergePatch.Apply(null, patch).Equals(MergePatch.Apply(JsonObject.Empty, patch));

    private static bool Untouched(JsonObject target, JsonObject patch, JsonValue result) =>
        result is JsonObject after && target.Names.All(name =>
            patch[name] switch
            {
                null => ReferenceEquals(target[name], after[name]),
                JsonObject change when target[name] is JsonObject members => Untouched(members, change, after[name]!),
                _ => true,
            }) && after.Names.All(name => target[name] is not null || patch[name] is not null);
}
