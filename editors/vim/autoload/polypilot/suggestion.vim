vim9script
# One suggestion, held by what surrounds the replaced range: the text before it on its line, and the
# text after it. What stands in between now either begins the suggestion, or it doesn't fit any more.

import autoload './text.vim'
import autoload './util.vim'

# What the server gave, for the cursor at that place; {} where it doesn't fit there.
export def Make(item: dict<any>, lnum: number, column: number): dict<any>
  var insert = util.Field(item, 'insertText')
  var line = getline(lnum)
  var first = column
  var last = column
  var range = util.Field(item, 'range', {})
  if !empty(range)
    if range.start.line != lnum - 1 || range.end.line != lnum - 1
      return {}
    endif
    first = min([range.start.character, strlen(line)])
    last = min([range.end.character, strlen(line)])
  endif
  if insert == '' || first > column || last < column
    return {}
  endif
  return {
    text: text.Normalise(insert),
    lnum: lnum,
    column: first,
    head: strpart(line, 0, first),
    tail: strpart(line, last),
    count: line('$'),
    item: item,
  }
enddef

export def StartsWith(whole: string, part: string): bool
  return strpart(whole, 0, strlen(part)) ==# part
enddef

# What is left of it at the cursor, and what accepting replaces; fits: whether it still does.
export def Rest(offer: dict<any>): dict<any>
  var no = {fits: false, rest: '', replaced: ''}
  var lnum = line('.')
  var column = col('.') - 1
  if lnum < offer.lnum || (lnum == offer.lnum && column < offer.column)
      || line('$') - offer.count != lnum - offer.lnum
    return no
  endif
  var lines = getline(offer.lnum, lnum)
  var after = strpart(lines[-1], column)
  var middle = strlen(after) - strlen(offer.tail)
  if !StartsWith(lines[0], offer.head) || middle < 0 || strpart(after, middle) !=# offer.tail
    return no
  endif
  lines[-1] = strpart(lines[-1], 0, column)
  lines[0] = strpart(lines[0], offer.column)
  var typed = join(lines, "\n")
  if !StartsWith(offer.text, typed)
    return no
  endif
  return {fits: true, rest: strpart(offer.text, strlen(typed)), replaced: strpart(after, 0, middle)}
enddef

# What the server knows it by; empty: by nothing.
export def Identity(offer: dict<any>): string
  var arguments = util.Field(util.Field(offer.item, 'command', {}), 'arguments', [])
  return empty(arguments) ? '' : $'{arguments[0]}'
enddef

# Puts text in at the cursor, in place of what stands there, and the cursor behind it.
export def Put(taken: string, replaced: string)
  var line = getline('.')
  var column = col('.') - 1
  var lines = split(taken, "\n", true)
  var width = strlen(lines[-1]) + (len(lines) == 1 ? column : 0)
  lines[0] = strpart(line, 0, column) .. lines[0]
  lines[-1] = lines[-1] .. strpart(line, column + strlen(replaced))
  var lnum = line('.')
  setline(lnum, lines[0])
  if len(lines) > 1
    append(lnum, lines[1 :])
  endif
  cursor(lnum + len(lines) - 1, width + 1)
enddef
