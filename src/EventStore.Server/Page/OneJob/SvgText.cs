using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Rendering;

namespace EventStore.Server.Page.OneJob;

/// <summary>A text within a picture. Razor has a tag of the same name for itself, so it cannot be written as one.</summary>
public sealed class SvgText : ComponentBase
{
    /// <summary>Where it stands, in percent.</summary>
    [Parameter]
    public string X { get; set; } = "0";

    /// <summary>Where its baseline is, in pixels.</summary>
    [Parameter, EditorRequired]
    public string Y { get; set; } = "0";

    /// <summary>Whether it begins there, ends there or lies around it.</summary>
    [Parameter]
    public string Anchor { get; set; } = "start";

    /// <summary>Its class.</summary>
    [Parameter, EditorRequired]
    public string Class { get; set; } = "";

    /// <summary>The moment it names in UTC, which a script tells in the reader's zone; null when it names none.</summary>
    [Parameter]
    public DateTimeOffset? Time { get; set; }

    /// <summary>The text.</summary>
    [Parameter, EditorRequired]
    public string Text { get; set; } = "";

    /// <inheritdoc/>
    protected override void BuildRenderTree(RenderTreeBuilder builder)
    {
        builder.OpenElement(0, "text");
        builder.AddAttribute(1, "x", X);
        builder.AddAttribute(2, "y", Y);
        builder.AddAttribute(3, "text-anchor", Anchor);
        builder.AddAttribute(4, "class", Class);
        if (Time is { } time)
            builder.AddAttribute(5, "data-time", PageTime.Exact(time));
        builder.AddContent(6, Text);
        builder.CloseElement();
    }
}
