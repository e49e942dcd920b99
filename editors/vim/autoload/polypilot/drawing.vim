vim9script
# A suggestion on the screen, by text properties: nothing in the buffer changes.

import autoload './text.vim'

const GHOST = 'polypilot_ghost'
const COUNT = 'polypilot_count'
const REPLACED = 'polypilot_replaced'

export def Highlights()
  highlight default link PolypilotGhost Comment
  highlight default link PolypilotCount NonText
  highlight default PolypilotReplaced term=strikethrough cterm=strikethrough gui=strikethrough
enddef

def Types()
  if !empty(prop_type_get(GHOST))
    return
  endif
  Highlights()
  prop_type_add(GHOST, {highlight: 'PolypilotGhost', combine: true, priority: 100})
  prop_type_add(COUNT, {highlight: 'PolypilotCount', combine: true, priority: 90})
  prop_type_add(REPLACED, {highlight: 'PolypilotReplaced', combine: true, priority: 100})
enddef

# Draws it at the cursor; `count` says which one of how many it is.
export def Draw(rest: string, replaced: string, count: string)
  Types()
  Erase(bufnr())
  var lnum = line('.')
  var column = col('.') - 1
  var line = getline('.')
  var lines = split(rest, "\n", true)
  var tail = strpart(line, column + strlen(replaced))
  var parts = text.Insertions(lines[0], replaced)
  if empty(parts)
    prop_add(lnum, column + 1, {type: REPLACED, length: strlen(replaced)})
    parts = [{offset: 0, text: lines[0]}]
  endif
  for part in parts
    if part.text != ''
      var before = strdisplaywidth(strpart(line, 0, column + part.offset))
      prop_add(lnum, column + part.offset + 1,
        {type: GHOST, text: text.Drawable(part.text, before, &tabstop)})
    endif
  endfor
  for index in range(1, len(lines) - 1)
    # What follows the cursor will stand behind the last line.
    var whole = lines[index] .. (index == len(lines) - 1 ? tail : '')
    var drawn = text.Drawable(whole, 0, &tabstop)
    prop_add(lnum, 0, {type: GHOST, text: drawn == '' ? ' ' : drawn, text_align: 'below'})
  endfor
  if count != ''
    prop_add(lnum, 0, {type: COUNT, text: count, text_align: 'after'})
  endif
enddef

export def Erase(bufnr: number)
  if bufloaded(bufnr) && !empty(prop_type_get(GHOST))
    for type in [GHOST, COUNT, REPLACED]
      prop_remove({type: type, bufnr: bufnr, all: true})
    endfor
  endif
enddef
