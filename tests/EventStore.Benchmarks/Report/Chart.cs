using System.Globalization;
using System.Text;

namespace EventStore.Benchmarks.Report;

/// <summary>A line chart as SVG: one line for each series, the concurrency doubling from step to step.</summary>
internal sealed class Chart(string title, int[] steps)
{
    private const int Width = 720, Height = 400, Left = 70, Right = 110, Top = 40, Bottom = 50;

    private static readonly string[] Colours = ["#1f6feb", "#8250df", "#bf8700", "#1a7f37"];

    private readonly Dictionary<string, List<double>> series = [];

    /// <summary>Adds the next point of a series.</summary>
    public void Add(string name, double value)
    {
        if (!series.TryGetValue(name, out List<double>? points))
            series[name] = points = [];
        points.Add(value);
    }

    public string ToSvg()
    {
        double tick = Tick(series.Values.SelectMany(points => points).Max());
        double top = Math.Ceiling(series.Values.SelectMany(points => points).Max() / tick) * tick;
        var svg = new StringBuilder();
        Line(svg, $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {Width} {Height}" font-family="sans-serif" font-size="13">""");
        Line(svg, $"""<rect width="{Width}" height="{Height}" fill="#fff"/><text x="{Left}" y="22" font-size="16">{title}</text>""");
        for (double value = 0; value <= top; value += tick)
        {
            Line(svg, $"""<line x1="{Left}" x2="{Width - Right}" y1="{Y(value):0.0}" y2="{Y(value):0.0}" stroke="#ddd"/>""");
            Line(svg, $"""<text x="{Left - 8}" y="{Y(value) + 4:0.0}" text-anchor="end">{value:#,0}</text>""");
        }

        for (int i = 0; i < steps.Length; i++)
            Line(svg, $"""<text x="{X(i):0.0}" y="{Height - Bottom + 20}" text-anchor="middle">{steps[i]}</text>""");
        foreach (((string name, List<double> points), string colour) in series.Zip(Colours))
        {
            string path = string.Join(
                ' ', points.Select((value, i) => string.Create(CultureInfo.InvariantCulture, $"{X(i):0.0},{Y(value):0.0}")));
            Line(svg, $"""<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>""");
            Line(svg, $"""<text x="{X(points.Count - 1) + 8:0.0}" y="{Y(points[^1]) + 4:0.0}" fill="{colour}">{name}</text>""");
        }

        svg.Append("</svg>\n");
        return svg.ToString();

        double Y(double value) => Height - Bottom - ((Height - Top - Bottom) * value / top);
    }

    private double X(int step) => Left + ((Width - Left - Right) * (double)step / (steps.Length - 1));

    /// <summary>A round distance that gives four to ten lines.</summary>
    private static double Tick(double highest)
    {
        double power = Math.Pow(10, Math.Floor(Math.Log10(highest)));
        return highest / power < 2 ? power / 4 : highest / power < 5 ? power / 2 : power;
    }

    private static void Line(StringBuilder svg, FormattableString text) =>
        svg.Append(text.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
