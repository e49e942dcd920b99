vim9script
# Documents as the server sees them: kept in step, and changed as it asks.
#
# What was sent last is kept, and compared with the buffer when it has changed: whatever changed it,
# the difference is what the server needs to know.

import autoload './client.vim'
import autoload './text.vim'
import autoload './util.vim'

var documents: dict<dict<any>> = {}

# Vim's names that are others in the protocol.
const LANGUAGES = {
  sh: 'shellscript', bash: 'shellscript', cs: 'csharp', tex: 'latex', plaintex: 'latex',
  javascriptreact: 'javascriptreact', make: 'makefile', objc: 'objective-c', objcpp: 'objective-cpp',
  text: 'plaintext', '': 'plaintext', lisp: 'commonlisp', ps1: 'powershell', vb: 'vb',
}

def Lines(bufnr: number): list<string>
  # A NUL is a line end in here; there is none in JSON that Vim writes either.
  return getbufline(bufnr, 1, '$')->map((_, line) => stridx(line, "\n") < 0 ? line : tr(line, "\n", ' '))
enddef

def Break(bufnr: number): string
  return getbufvar(bufnr, '&fileformat') ==# 'dos' ? "\r\n" : "\n"
enddef

# Whether the last line has an end too. An empty buffer is an empty text.
def Ends(bufnr: number, lines: list<string>): bool
  return (getbufvar(bufnr, '&endofline') || getbufvar(bufnr, '&fixendofline')) && lines !=# ['']
enddef

# What has changed when the text may have. Options don't count in 'changedtick'.
def Tick(bufnr: number): list<any>
  return mapnew(['changedtick', '&fileformat', '&endofline', '&fixendofline'],
    (_, name) => getbufvar(bufnr, name))
enddef

export def IsOpen(bufnr: number): bool
  return has_key(documents, bufnr)
enddef

export def UriOf(bufnr: number): string
  if IsOpen(bufnr)
    return documents[bufnr].uri
  endif
  var name = bufname(bufnr)
  return name == '' ? $'untitled:Untitled-{bufnr}' : util.Uri(fnamemodify(name, ':p'))
enddef

def Whole(lines: list<string>, break: string, ends: bool): string
  return join(lines, break) .. (ends ? break : '')
enddef

export def Open(bufnr: number)
  bufload(bufnr)
  var lines = Lines(bufnr)
  var filetype = matchstr(getbufvar(bufnr, '&filetype'), '^[^.]*')
  var document = {
    uri: UriOf(bufnr),
    version: 0,
    lines: lines,
    break: Break(bufnr),
    ends: Ends(bufnr, lines),
    tick: Tick(bufnr),
  }
  documents[bufnr] = document
  client.Notify('textDocument/didOpen', {textDocument: {
    uri: document.uri,
    languageId: get(LANGUAGES, filetype, filetype),
    version: 0,
    text: Whole(lines, document.break, document.ends),
  }})
enddef

export def Close(bufnr: number)
  client.Notify('textDocument/didClose', {textDocument: {uri: documents[bufnr].uri}})
  remove(documents, bufnr)
enddef

# The server has ended.
export def ForgetAll()
  documents = {}
enddef

# Tells the server what has changed in a buffer.
export def Flush(bufnr: number)
  if !IsOpen(bufnr) || !bufloaded(bufnr)
    return
  endif
  var document = documents[bufnr]
  var tick = Tick(bufnr)
  if tick ==# document.tick
    return
  endif
  document.tick = tick
  var lines = Lines(bufnr)
  var change = Change(document, lines, Break(bufnr), Ends(bufnr, lines))
  if !empty(change)
    document.version += 1
    client.Notify('textDocument/didChange', {
      textDocument: {uri: document.uri, version: document.version},
      contentChanges: [change],
    })
  endif
enddef

# What makes the new text of the old one, which it takes the place of; {} if nothing.
def Change(document: dict<any>, lines: list<string>, break: string, ends: bool): dict<any>
  var old: list<string> = document.lines
  var same = document.break ==# break && document.ends == ends
  if same && old ==# lines
    return {}
  endif
  document.lines = lines
  document.break = break
  document.ends = ends
  if !same
    return {text: Whole(lines, break, ends)}
  endif
  var first = text.CommonStart(old, lines)
  var last = text.CommonEnd(old, lines, first)
  if last == 0 && !ends
    # The last line has no end: what is before its beginning goes along, from there to the end.
    first = min([first, len(old) - 1, len(lines) - 1])
    return {
      range: {
        start: {line: first, character: 0},
        end: {line: len(old) - 1, character: strlen(old[-1])},
      },
      text: join(lines[first :], break),
    }
  endif
  return {
    range: {start: {line: first, character: 0}, end: {line: len(old) - last, character: 0}},
    text: join(mapnew(slice(lines, first, len(lines) - last), (_, line) => line .. break), ''),
  }
enddef

export def FlushAll()
  for bufnr in keys(documents)
    Flush(str2nr(bufnr))
  endfor
enddef

export def Saved(bufnr: number)
  if IsOpen(bufnr)
    Flush(bufnr)
    client.Notify('textDocument/didSave', {textDocument: {uri: documents[bufnr].uri}})
  endif
enddef

# -- edits of the server's

# Makes a workspace edit; returns the answer to it.
export def Apply(edit: dict<any>): dict<any>
  for change in util.Field(edit, 'documentChanges', [])
    var why = util.Field(change, 'kind') ==# 'create' ? Create(change.uri) : Edit(change)
    if why != ''
      return {applied: false, failureReason: why}
    endif
  endfor
  return {applied: true}
enddef

def Create(uri: string): string
  var path = util.Path(uri)
  if path == ''
    return $'{uri} is not a file'
  endif
  mkdir(fnamemodify(path, ':h'), 'p')
  return ''
enddef

def Edit(change: dict<any>): string
  var uri = change.textDocument.uri
  var bufnr = BufferOf(uri)
  if bufnr == 0
    return $'{uri} is not a file'
  endif
  Flush(bufnr)
  var version = util.Field(change.textDocument, 'version', -1)
  if version >= 0 && IsOpen(bufnr) && documents[bufnr].version != version
    return $'{util.Name(uri)} has changed meanwhile'
  endif
  if !getbufvar(bufnr, '&modifiable')
    return $"{util.Name(uri)} can't be changed"
  endif
  Put(bufnr, Edited(getbufline(bufnr, 1, '$'), change.edits))
  return ''
enddef

def BufferOf(uri: string): number
  for [bufnr, document] in items(documents)
    if document.uri ==# uri
      return str2nr(bufnr)
    endif
  endfor
  var path = util.Path(uri)
  if path == ''
    return 0
  endif
  var bufnr = bufadd(path)
  bufload(bufnr)
  setbufvar(bufnr, '&buflisted', 1)
  return bufnr
enddef

# The lines with the edits made, from the last one to the first.
def Edited(lines: list<string>, edits: list<dict<any>>): list<string>
  # Behind the last line there is an empty one, where a range may end.
  var result = lines ==# [''] ? [''] : lines + ['']
  var ordered = mapnew(edits, (index, each) => ({index: index, edit: each}))
  sort(ordered, (a, b) => {
    var order = Order(b.edit.range.start, a.edit.range.start)
    return order == 0 ? b.index - a.index : order
  })
  for each in ordered
    var from = Clamped(result, each.edit.range.start)
    var to = Clamped(result, each.edit.range.end)
    var new = split(text.Normalise(each.edit.newText), "\n", true)
    new[0] = strpart(result[from.line], 0, from.character) .. new[0]
    new[-1] = new[-1] .. strpart(result[to.line], to.character)
    remove(result, from.line, to.line)
    extend(result, new, from.line)
  endfor
  return len(result) > 1 && result[-1] == '' ? result[: -2] : result
enddef

def Order(a: dict<any>, b: dict<any>): number
  return a.line == b.line ? a.character - b.character : a.line - b.line
enddef

# A position within the lines; what is beyond a line's end means its end.
def Clamped(lines: list<string>, position: dict<any>): dict<any>
  if position.line >= len(lines)
    return {line: len(lines) - 1, character: strlen(lines[-1])}
  endif
  return {line: position.line, character: min([position.character, strlen(lines[position.line])])}
enddef

# Puts lines into a buffer, touching only those that differ, as one step for undo.
def Put(bufnr: number, lines: list<string>)
  var old = getbufline(bufnr, 1, '$')
  var first = text.CommonStart(old, lines)
  var last = text.CommonEnd(old, lines, first)
  var gone = len(old) - last - first
  var new = slice(lines, first, len(lines) - last)
  if !empty(new)
    appendbufline(bufnr, first, new)
  endif
  if gone > 0
    deletebufline(bufnr, first + len(new) + 1, first + len(new) + gone)
  endif
  FlushAll()
enddef
