vim9script
# The chat's two buffers, and the text of the transcript.
#
# What a model wrote is only ever text here: the buffer is no file, no modeline is read from it,
# and Vim shows control characters spelt out.

import autoload './util.vim'

export const NAMES = {transcript: 'polypilot://transcript', prompt: 'polypilot://prompt'}

var kind = ''              # of the text that was appended last
var fence = ''             # the code fence that is open in the answer
var tail = ''              # the answer's line that has no end yet
var folded: list<number> = []

export def Buffer(name: string): number
  var bufnr = bufnr($'^{NAMES[name]}$')
  if bufnr > 0 && bufloaded(bufnr)
    return bufnr
  endif
  bufnr = bufadd(NAMES[name])
  setbufvar(bufnr, '&buftype', 'nofile')
  bufload(bufnr)
  for [option, value] in items({bufhidden: 'hide', swapfile: 0, undofile: 0, modeline: 0, buflisted: 0})
    setbufvar(bufnr, '&' .. option, value)
  endfor
  return bufnr
enddef

def Edit(Change: func)
  var bufnr = Buffer('transcript')
  setbufvar(bufnr, '&modifiable', 1)
  Change(bufnr)
  setbufvar(bufnr, '&modifiable', 0)
  setbufvar(bufnr, '&modified', 0)
  Follow(false)
enddef

def Last(bufnr: number): number
  return getbufinfo(bufnr)[0].linecount
enddef

var followed = 1

# Keeps the end in view, unless the user has scrolled back.
export def Follow(always: bool)
  var bufnr = Buffer('transcript')
  var last = Last(bufnr)
  for window in win_findbuf(bufnr)
    if always || line('.', window) >= followed
      win_execute(window, 'normal! G0')
    endif
  endfor
  followed = last
enddef

# Appends at the very end; "\n" begins a new line.
def Append(text: string, fold = false)
  Edit((bufnr) => {
    var lines = split(text, "\n", true)
    var last = Last(bufnr)
    if fold
      extend(folded, range(last, last + len(lines) - 1))
    endif
    setbufline(bufnr, last, getbufline(bufnr, last)[0] .. lines[0])
    if len(lines) > 1
      appendbufline(bufnr, last, lines[1 :])
    endif
  })
enddef

# For 'foldexpr'.
export def Fold(lnum: number): string
  return index(folded, lnum) >= 0 ? '1' : '0'
enddef

export def FoldText(): string
  var count = v:foldend - v:foldstart + 1
  return $'▸ thought, {count} {count == 1 ? "line" : "lines"} (za opens it)'
enddef

# Begins a paragraph: an empty line, unless the text before ends in one.
def Paragraph()
  var lines = getbufline(Buffer('transcript'), 1, '$')
  if lines[-1] != ''
    Append("\n\n")
  elseif len(lines) > 1 && lines[-2] != ''
    Append("\n")
  endif
enddef

# A code fence left open would swallow everything that comes after the answer.
def WatchFences(text: string)
  var lines = split(tail .. text, "\n", true)
  tail = remove(lines, -1)
  for line in lines
    var found = matchstr(line, '^ \{0,3}\zs\%(````*\|\~\~\~\~*\)')
    if found != '' && fence == ''
      fence = found
    elseif found != '' && strpart(found, 0, strlen(fence)) ==# fence && line =~ '^\s*[`~]\+\s*$'
      fence = ''
    endif
  endfor
enddef

def CloseFence()
  WatchFences("\n")
  if fence != ''
    Append("\n" .. fence)
  endif
  fence = ''
  tail = ''
enddef

# A heading, with what belongs to it below.
export def Heading(title: string, text = '')
  CloseFence()
  Paragraph()
  Append($"## {util.Clean(title)}\n\n{text}")
  WatchFences(text)
  kind = ''
enddef

# Streamed text, of kind text, thought or refusal; a new kind begins a new paragraph.
export def Stream(given: string, raw: string)
  var text = substitute(raw, '\r\n\?', '\n', 'g')
  var fresh = given !=# kind
  if fresh
    text = substitute(text, '^\n\+', '', '')
    if text == ''
      return
    endif
    Paragraph()
    kind = given
  endif
  if given ==# 'thought'
    Append((fresh ? '> ' : '') .. substitute(util.Clean(text), '\n', '\n> ', 'g'), true)
  else
    WatchFences(text)
    Append((fresh && given ==# 'refusal' ? '**Refused:** ' : '') .. text)
  endif
enddef

# One remark of ours, as a paragraph.
export def Note(text: string)
  CloseFence()
  Paragraph()
  var lines = split(util.Clean(text), "\n", true)
  Append(join(mapnew(lines, (_, line) => $'*{line}*'), "\n"))
  kind = ''
enddef

# A diff, as a block of its own that nothing in it can end. Returns the line where it begins.
export def Diff(title: string, text: string): number
  Note(title)
  var longest = 2
  for run in split(text, '[^`]\+')
    longest = max([longest, strlen(run)])
  endfor
  var marks = repeat('`', longest + 1)
  Append($"\n\n{marks}diff\n")
  var first = Last(Buffer('transcript'))
  var diff = substitute(substitute(text, '\r\n\?', '\n', 'g'), '\n$', '', '')
  Append(diff .. "\n" .. marks)
  Paint(first, split(diff, "\n", true))
  return first
enddef

const DIFF = {'+': 'DiffAdd', '-': 'DiffDelete', '@': 'Identifier'}

# Gives the lines of a diff their colours.
def Paint(first: number, lines: list<string>)
  for [sign, group] in items(DIFF)
    if empty(prop_type_get($'polypilot{group}'))
      prop_type_add($'polypilot{group}', {highlight: group, combine: true})
    endif
  endfor
  for [index, line] in items(lines)
    if has_key(DIFF, line[0])
      prop_add(first + index, 1, {type: $'polypilot{DIFF[line[0]]}', length: strlen(line),
        bufnr: Buffer('transcript')})
    endif
  endfor
enddef

export def Problem(problem: dict<any>)
  CloseFence()
  Paragraph()
  Append('**Error:** ' .. substitute(util.Describe(problem), '\n', '\n\n', 'g'))
  kind = ''
enddef

export def Clear()
  Edit((bufnr) => {
    silent deletebufline(bufnr, 1, '$')
  })
  kind = ''
  fence = ''
  tail = ''
  folded = []
enddef

# The texts' difference, as `diff -u` has it; the new text where that program is missing.
export def Compare(old: string, new: string): string
  var files = [tempname(), tempname()]
  writefile(split(old, "\n", true), files[0], 'b')
  writefile(split(new, "\n", true), files[1], 'b')
  var lines = executable('diff')
    ? systemlist($'diff -u {shellescape(files[0])} {shellescape(files[1])}')[2 :] : split(new, "\n", true)
  for file in files
    delete(file)
  endfor
  return join(lines, "\n")
enddef
