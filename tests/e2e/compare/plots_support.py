"""What every page with plots has to show in a real Chromium."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from browser_support import Browser

GROUND = "getComputedStyle(document.body).backgroundColor"
# Of each plot that is seen: its box, its texts' and the boxes of what stands out of it.
PLOTS = """
[...document.querySelectorAll('svg.plot')].filter(svg => svg.checkVisibility()).map(svg => {
  const frame = svg.viewBox.baseVal, box = svg.getBoundingClientRect();
  const parts = [...svg.querySelectorAll('text,rect,circle,polygon,line')];
  const inside = part => {
    const at = part.getBBox(), move = part.parentElement.transform?.baseVal.consolidate()?.matrix;
    const x = at.x + (move?.e ?? 0), y = at.y + (move?.f ?? 0);
    return x >= -1 && y >= -1
      && x + at.width <= frame.width + 1 && y + at.height <= frame.height + 1;
  };
  const texts = [...svg.querySelectorAll('text')].map(text => text.getBoundingClientRect());
  const meet = (a, b) => a.left < b.right - 1 && b.left < a.right - 1
    && a.top < b.bottom - 4 && b.top < a.bottom - 4;
  return {
    title: svg.querySelector('title').textContent, width: box.width, height: box.height,
    drawn: parts.length,
    outside: parts.filter(part => !inside(part)).map(part => part.outerHTML),
    small: texts.filter(text => text.height < 9).length,
    covered: texts.flatMap((one, at) => texts.slice(at + 1).filter(two => meet(one, two))).length,
  };
})
"""


def every_plot_is_seen(browser: Browser, number: int) -> None:
    """All the page's plots, as many as that, are seen and keep to their frames."""
    seen: list[dict[str, Any]] = browser.run(PLOTS)
    assert len(seen) == browser.run("document.querySelectorAll('figure').length") == number
    for plot in seen:
        assert plot["width"] > 250, plot
        assert plot["height"] > 30, plot
        assert plot["drawn"] > 0, plot
        assert plot["outside"] == [], plot
        assert plot["small"] == 0, plot
        assert plot["covered"] == 0, plot
