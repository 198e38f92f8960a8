using EventStore.Domain.Json;
using EventStore.Server.Kubernetes.Documents;
using FsCheck.Xunit;

namespace EventStore.Server.Tests.Kubernetes;

public sealed class Protobuf_messages
{
    private static readonly ProtobufMessage Message = new(
        new ProtobufField(1, "name"), new ProtobufField(2, "below", new ProtobufMessage(new ProtobufField(16, "text"))));

    [Theory]
    [InlineData("", "{}")]
    [InlineData("0A03616263", """{"name":"abc"}""")]
    [InlineData("0A016112070A0178820101621A00", """{"below":{"text":"b"},"name":"a"}""")] // fields nobody asked for: 1 of the inner, 3 of the outer
    [InlineData("0A01610A0162", """{"name":"b"}""")] // the last counts
    [InlineData("18FFFFFFFFFFFFFFFFFF01 0A0161", """{"name":"a"}""")] // a varint of ten bytes
    [InlineData("19 0102030405060708 1D 01020304 0A00", """{"name":""}""")] // fixed64, fixed32
    public void Known_fields_are_read_and_others_passed_over(string hex, string json)
    {
        Assert.True(Message.TryRead(Bytes(hex), out JsonObject? read));
        Assert.Equal(json, read.ToString());
    }

    [Theory]
    [InlineData("0A")] // no length
    [InlineData("0A0361")] // shorter than it says
    [InlineData("0AFFFFFFFFFFFFFFFFFF01")] // a length beyond any memory
    [InlineData("0A01FF")] // no UTF-8
    [InlineData("0A0100")] // U+0000
    [InlineData("0801")] // a number where a text belongs
    [InlineData("120182")] // the inner message breaks off
    [InlineData("0B0C")] // a group
    [InlineData("18FFFFFFFFFFFFFFFFFFFF01")] // a varint of eleven bytes
    [InlineData("1D0102")] // fixed32 of two bytes
    public void Bytes_that_are_no_message_are_refused(string hex) => Assert.False(Message.TryRead(Bytes(hex), out _));

    [Property(MaxTest = 2000)]
    public bool No_bytes_break_it(byte[] bytes) => !Message.TryRead(bytes ?? [], out JsonObject? read) || read.Count <= 2;

    private static byte[] Bytes(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
}
