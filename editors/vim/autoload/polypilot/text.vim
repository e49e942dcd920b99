vim9script
# Pure functions on text. Columns are bytes, counted from 0.

# Buffers hold no line ends, whatever 'fileformat' is.
export def Normalise(text: string): string
  return substitute(text, '\r\n\?', '\n', 'g')
enddef

# The first word of a text, with the blanks and line ends before it.
export def Word(text: string): string
  var found = matchstr(text, '^\_s*\%(\k\+\|\%(\k\@!\S\)\+\)\=')
  return found != '' ? found : text
enddef

# The text up to its next line end; a line end at the very start belongs to the line after it.
export def Line(text: string): string
  return matchstr(text, '^\n\?[^\n]*')
enddef

# How many units of UTF-16 `bytes` of the normalised text are in the text as it came.
export def AcceptedLength(raw: string, bytes: number): number
  var at = 0
  for _ in range(bytes)
    at += strpart(raw, at, 2) == "\r\n" ? 2 : 1
  endfor
  var units = 0
  for char in split(strpart(raw, 0, at), '\zs')
    units += char2nr(char) > 0xffff ? 2 : strchars(char)
  endfor
  return units
enddef

# How `wanted` comes of `present` by insertions alone: what to draw, and at which offset into
# `present`. Empty where it doesn't.
export def Insertions(wanted: string, present: string): list<dict<any>>
  var whole = strlen(wanted) - strlen(present)
  if whole >= 0 && strpart(wanted, whole) ==# present
    return [{offset: 0, text: strpart(wanted, 0, whole)}]
  endif
  var parts: list<dict<any>> = []
  var rest = split(present, '\zs')
  var offset = 0
  var text = ''
  var at = 0
  for char in split(wanted, '\zs')
    if at < len(rest) && char ==# rest[at]
      if text != ''
        add(parts, {offset: offset, text: text})
      endif
      offset += strlen(char)
      text = ''
      at += 1
    else
      text ..= char
    endif
  endfor
  if at < len(rest)
    return []
  endif
  return text == '' ? parts : add(parts, {offset: offset, text: text})
enddef

# A line as it may be drawn: tabs as wide as the buffer shows them, control characters spelt out.
export def Drawable(line: string, start: number, tabstop: number): string
  var out = ''
  var column = start
  for [index, piece] in items(split(line, "\t", true))
    if index > 0
      var width = tabstop - column % tabstop
      out ..= repeat(' ', width)
      column += width
    endif
    var shown = strtrans(piece)
    out ..= shown
    column += strdisplaywidth(shown)
  endfor
  return out
enddef

# How many of the first lines two lists have in common. Slices are compared by Vim itself, which
# is faster than a loop here.
export def CommonStart(a: list<string>, b: list<string>): number
  var low = 0
  var high = min([len(a), len(b)])
  while low < high
    var middle = (low + high + 1) / 2
    if a[low : middle - 1] ==# b[low : middle - 1]
      low = middle
    else
      high = middle - 1
    endif
  endwhile
  return low
enddef

# How many of the last lines, without the first `start`, two lists have in common.
export def CommonEnd(a: list<string>, b: list<string>, start: number): number
  var low = 0
  var high = min([len(a), len(b)]) - start
  var na = len(a)
  var nb = len(b)
  while low < high
    var middle = (low + high + 1) / 2
    if a[na - middle : na - low - 1] ==# b[nb - middle : nb - low - 1]
      low = middle
    else
      high = middle - 1
    endif
  endwhile
  return low
enddef
