"""The one style sheet. Colours are variables, so that light, dark and paper are three lists."""

from __future__ import annotations

from typing import Final

LIGHT: Final = {
    "ground": "#ffffff", "raised": "#f5f7f9", "edge": "#d9dee5", "grid": "#e6eaef",
    "text": "#1b2027", "quiet": "#56606d", "link": "#0b57a4",
    "good": "#0a6b45", "good-ground": "#e7f6ee", "warn": "#8a4b00", "warn-ground": "#fff4e0",
    "gone": "#9c1f1f", "gone-ground": "#fdecec", "came": "#0a6b45", "came-ground": "#e7f6ee",
}  # fmt: skip
DARK: Final = {
    "ground": "#15181d", "raised": "#1d2128", "edge": "#353c47", "grid": "#2a3039",
    "text": "#e7ebf0", "quiet": "#a3adba", "link": "#7db8ff",
    "good": "#6fdcaa", "good-ground": "#14301f", "warn": "#ffc266", "warn-ground": "#33270f",
    "gone": "#ff9d96", "gone-ground": "#3a1d1d", "came": "#6fdcaa", "came-ground": "#14301f",
}  # fmt: skip
SERIES_LIGHT: Final = (
    "#3b82e6",
    "#8f3d06",
    "#0f9a69",
    "#80198e",
    "#9b7106",
    "#2593b0",
    "#b83250",
    "#5f6e8a",
)
SERIES_DARK: Final = (
    "#8fb7fa",
    "#f9641a",
    "#3fe0a4",
    "#c650de",
    "#e8bf2a",
    "#2b8ba3",
    "#d0484a",
    "#9a9cae",
)


def _variables(colours: dict[str, str], series: tuple[str, ...]) -> str:
    named = colours | {f"s{at}": colour for at, colour in enumerate(series)}
    return "".join(f"--{name}:{value};" for name, value in named.items())


_RULES: Final = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--ground);color:var(--text);
 font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
main,header,footer{max-width:1140px;margin:0 auto;padding:0 28px}
header{padding-top:44px;padding-bottom:4px}
main{padding-bottom:40px}
footer{padding-top:18px;padding-bottom:48px;color:var(--quiet);font-size:14px}
footer p{max-width:none;border-top:1px solid var(--edge);padding-top:18px}
h1{font-size:30px;line-height:1.2;margin:0 0 6px;letter-spacing:-.02em;text-wrap:balance}
h2{font-size:21px;line-height:1.3;margin:52px 0 12px;letter-spacing:-.01em}
h3{font-size:16px;line-height:1.35;margin:0 0 2px}
p{margin:0 0 12px;max-width:74ch}
a{color:var(--link)}
header p,figcaption p,.of,.remark,.notes,caption,dt{color:var(--quiet)}
h1,h2,h3,p,li,dd,summary,.value,.named{overflow-wrap:anywhere}
code,pre{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;
 font-size:.9em}
code{background:var(--raised);border-radius:4px;padding:.1em .35em}
pre code,.notice code{background:none;padding:0}
pre{margin:0;tab-size:4}
nav{margin:20px 0 0;display:flex;flex-wrap:wrap;gap:6px 18px;font-size:14px}
nav a{text-decoration:none}
nav a:hover{text-decoration:underline}
:focus-visible{outline:2px solid var(--link);outline-offset:2px;border-radius:4px}
.notice{border:1px solid var(--edge);border-left:5px solid var(--quiet);border-radius:8px;
 background:var(--raised);padding:16px 20px;margin:0 0 14px;break-inside:avoid}
.notice h3{font-size:18px;margin-bottom:6px}
.notice ul{margin:0 0 12px;padding-left:20px;font-size:15px}
.notice>:last-child{margin-bottom:0}
.notice.good{border-left-color:var(--good);background:var(--good-ground)}
.notice.good h3{color:var(--good)}
.notice.warn{border-left-color:var(--warn);background:var(--warn-ground)}
.notice.warn h3{color:var(--warn)}
.command{background:var(--ground);border:1px solid var(--edge);border-radius:6px;
 padding:9px 13px;margin:4px 0 0;white-space:pre-wrap;overflow-wrap:anywhere}
.command code::before{content:"$ ";color:var(--quiet)}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,140px),1fr));gap:12px;
 margin:18px 0}
.card{border:1px solid var(--edge);border-radius:8px;padding:12px 16px;min-width:0}
.of,.remark{font-size:13px;line-height:1.4}
.value{font-size:23px;font-weight:600;line-height:1.35;letter-spacing:-.01em}
.scroll{overflow-x:auto;margin:0 0 26px;max-width:100%}
table{border-collapse:collapse;width:100%;font-size:14px;line-height:1.4;
 font-variant-numeric:tabular-nums}
caption{text-align:left;padding:6px 0 8px;font-size:14px;caption-side:top}
/* In view while the table scrolls. */
caption span{display:inline-block;position:sticky;left:0;max-width:min(74ch,calc(100vw - 66px))}
td.word{min-width:11em}
th,td{padding:7px 9px;border-bottom:1px solid var(--edge);vertical-align:top;text-align:left}
thead th{font-weight:600;color:var(--quiet);font-size:13px;vertical-align:bottom;
 border-bottom-width:2px}
tbody th{font-weight:600;min-width:170px}
th:first-child,td:first-child{padding-left:2px}
.number{text-align:right;white-space:nowrap}
thead .number{white-space:normal}
.sub{display:block;color:var(--quiet);font-size:12px;font-weight:400}
.named{display:flex;gap:7px;align-items:flex-start}
.named svg,.legend svg{flex:none;margin-top:2px}
dl{margin:0;border-top:1px solid var(--edge)}
dl div{display:grid;grid-template-columns:220px 1fr;gap:4px 20px;padding:8px 2px;
 border-bottom:1px solid var(--edge);font-size:14px}
dd{margin:0;min-width:0}
figure{margin:0 0 34px;padding:20px 22px 14px;border:1px solid var(--edge);border-radius:10px;
 min-width:0}
figcaption{margin-bottom:14px}
figcaption p{font-size:14px;margin-bottom:0}
.plot{display:block;max-width:100%;height:auto;overflow:visible}
.middle,.narrow{display:none}
.legend,.notes{list-style:none;margin:10px 0;padding:0;font-size:13px}
.legend{display:flex;flex-wrap:wrap;gap:4px 20px}
.legend li{display:flex;gap:7px;align-items:flex-start;min-width:0;line-height:1.5}
.notes li{margin:0 0 4px}
details{margin:8px 0;font-size:14px}
summary{cursor:pointer;color:var(--link);padding:5px 0;width:fit-content;max-width:100%}
details[open]>summary{margin-bottom:6px}
.example{border:1px solid var(--edge);border-radius:8px;padding:5px 14px}
.example{margin:0 0 8px}
.example details{margin:0}
.example summary{width:auto}
.of-target{margin:22px 0 8px}
.example .scroll{margin-bottom:10px}
.diff{background:var(--raised);border:1px solid var(--edge);border-radius:8px;padding:8px 0;
 min-width:max-content;font-size:13px;line-height:1.5}
.diff>span{display:block;padding:0 14px 0 0;min-height:1.5em}
.side{display:inline-block;width:30px;text-align:center;user-select:none;color:var(--quiet)}
.context{color:var(--quiet)}
.gone{background:var(--gone-ground)}.gone .side{color:var(--gone);font-weight:700}
.came{background:var(--came-ground)}.came .side{color:var(--came);font-weight:700}
.heard{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
svg text{fill:var(--text);font-size:12px;font-family:system-ui,-apple-system,"Segoe UI",Roboto,
 "Noto Sans","DejaVu Sans",sans-serif}
svg .tick{fill:var(--quiet);font-size:11px;font-variant-numeric:tabular-nums}
svg .name{fill:var(--quiet)}
svg .strong{font-weight:600}
svg .label,svg .over,svg .tick{paint-order:stroke;stroke:var(--ground);stroke-width:3px;
 stroke-linejoin:round}
.grid{stroke:var(--grid);stroke-width:1}
.axis{stroke:var(--quiet);stroke-width:1}
.hatch{stroke:var(--ground);stroke-width:2;opacity:.75}
.mark{fill:var(--c);stroke:var(--ground);stroke-width:1.2}
.line{stroke:var(--c);stroke-width:2;stroke-linecap:round}
.whisker{stroke:var(--c);stroke-width:2;opacity:.65;stroke-linecap:round}
.area{fill:var(--c);fill-opacity:.26;stroke:var(--c);stroke-width:1}
.median{stroke:var(--c);stroke-width:3;stroke-linecap:round}
.bar{fill:var(--c)}
.asked{fill:var(--edge)}
"""
_NARROW: Final = """
@media (max-width:820px){
 main,header,footer{padding-left:16px;padding-right:16px}
 header{padding-top:28px}
 h1{font-size:25px}
 .notice{padding:13px 15px}
 figure{padding:16px 13px 10px}
 tbody th{min-width:140px;font-size:13px}
 dl div{grid-template-columns:1fr}
}
@media (max-width:1120px){.wide{display:none}.middle{display:block}}
@media (max-width:660px){.middle{display:none}.narrow{display:block}}
"""
_PAPER: Final = """
@media print{
 @page{margin:14mm}
 body{font-size:11pt}
 main,header,footer{max-width:none;padding-left:0;padding-right:0}
 nav{display:none}
 .wide,.narrow{display:none}.middle{display:block}
 figure,.card,tr{break-inside:avoid}
 h2,h3,figcaption{break-after:avoid}
 .scroll{overflow:visible}
 .diff{min-width:0;white-space:pre-wrap;overflow-wrap:anywhere}
 table{font-size:9pt}th,td{padding:4px 6px}tbody th{min-width:0}.number{white-space:normal}
 .notice,.diff,.gone,.came,.bar,.area,.mark{print-color-adjust:exact}
 details::details-content{content-visibility:visible;display:block}
}
"""


def sheet() -> str:
    """The style sheet."""
    light, dark = _variables(LIGHT, SERIES_LIGHT), _variables(DARK, SERIES_DARK)
    classes = "".join(f".s{at}{{--c:var(--s{at})}}" for at in range(len(SERIES_LIGHT)))
    return (
        f":root{{color-scheme:light dark;{light}}}"
        f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        f"{_RULES}{classes}{_NARROW}{_PAPER}"
    )
