vim9script
# Edits that an answer proposes: shown as diffs, taken whole or by the hunk, or turned down.

import autoload './client.vim'
import autoload './transcript.vim'
import autoload './util.vim'

var shown: list<dict<any>> = []

# A proposed edit.
export def Offer(value: dict<any>)
  var label = util.Name(value.uri)
  var refused = util.Field(value, 'refused')
  if refused != ''
    transcript.Note($'no edit of {label}: {refused}')
    return
  endif
  var first = transcript.Diff(label, value.diff)
  var lines = split(value.diff, "\n", true)
  var hunks: list<dict<any>> = []
  for [index, line] in items(lines)
    if line =~ '^@@'
      add(hunks, {line: first + index, header: line})
    endif
  endfor
  add(shown, {id: value.id, label: label, first: first, last: first + len(lines) - 1,
    hunks: hunks, done: false})
enddef

export def Clear()
  shown = []
enddef

def Pending(): list<dict<any>>
  return copy(shown)->filter((_, each) => !each.done)
enddef

# The edit at the transcript's cursor, else the last one; and the hunk there, or -1.
def Here(): list<any>
  var list = Pending()
  if empty(list)
    util.Notify('no edit is proposed')
    return [{}, -1]
  endif
  var lnum = bufnr() == transcript.Buffer('transcript') ? line('.') : 0
  for edit in list
    if lnum >= edit.first - 3 && lnum <= edit.last + 1
      return [edit, max([0, len(copy(edit.hunks)->filter((_, hunk) => hunk.line <= lnum)) - 1])]
    endif
  endfor
  return [list[-1], -1]
enddef

def Accept(edit: dict<any>, hunk: number)
  var params: dict<any> = {id: edit.id}
  if hunk >= 0
    params.hunks = [hunk]
  endif
  client.Ask('polypilot/edit/accept', params, (result) => {
    if !result.applied
      util.Notify($'{edit.label}: {util.Field(result, "reason", "the edit was not made")}', 'WarningMsg')
      return
    endif
    edit.done = util.Field(result, 'state') !=# 'open'
    transcript.Note(hunk >= 0 ? $'hunk {hunk + 1} of {edit.label} was applied'
      : $'the edit of {edit.label} was applied')
  })
enddef

def Reject(edit: dict<any>)
  client.Ask('polypilot/edit/reject', {id: edit.id}, (_) => {
    edit.done = true
    transcript.Note($'the edit of {edit.label} was turned down')
  })
enddef

export def AcceptHere()
  var [edit, _] = Here()
  if !empty(edit)
    Accept(edit, -1)
  endif
enddef

export def AcceptHunk()
  var [edit, hunk] = Here()
  if !empty(edit)
    Accept(edit, max([hunk, 0]))
  endif
enddef

export def RejectHere()
  var [edit, _] = Here()
  if !empty(edit)
    Reject(edit)
  endif
enddef

# A list of what can be done with the edits that wait.
export def Choose()
  var choices: list<dict<any>> = []
  for edit in Pending()
    add(choices, {label: $'{edit.label}: apply', Call: () => Accept(edit, -1)})
    for [index, hunk] in items(len(edit.hunks) > 1 ? edit.hunks : [])
      add(choices, {label: $'{edit.label}: apply {hunk.header}', Call: () => Accept(edit, index)})
    endfor
    add(choices, {label: $'{edit.label}: turn down', Call: () => Reject(edit)})
  endfor
  if empty(choices)
    util.Notify('no edit is proposed')
    return
  endif
  util.Choose('Proposed edits', choices, (choice) => choice.label, (choice) => choice.Call())
enddef
