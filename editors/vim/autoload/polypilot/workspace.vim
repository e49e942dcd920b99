vim9script
# The folders that the server is told of.

import autoload './util.vim'

var folders: list<string> = []

def Root(path: string): string
  var folder = fnamemodify(path, ':p:h')
  for marker in util.Option('root_markers')
    var found = findfile(marker, fnameescape(folder) .. ';')
    if found == ''
      found = finddir(marker, fnameescape(folder) .. ';')
    endif
    if found != ''
      return substitute(fnamemodify(fnamemodify(found, ':p')->substitute('/$', '', ''), ':h'), '/$', '', '')
    endif
  endfor
  return ''
enddef

def Folder(root: string): dict<any>
  return {uri: util.Uri(root), name: fnamemodify(root, ':t')}
enddef

# Forgets what was told, and begins with the folder of what is edited now, if that has one.
export def Begin(): list<dict<any>>
  var root = Root(expand('%:p') == '' ? getcwd() .. '/x' : expand('%:p'))
  folders = root == '' ? [] : [root]
  return mapnew(folders, (_, each) => Folder(each))
enddef

# The folders of a buffer's file that weren't told of before: one or none.
export def Added(bufnr: number): list<dict<any>>
  var root = bufname(bufnr) == '' ? '' : Root(fnamemodify(bufname(bufnr), ':p'))
  if root == '' || index(folders, root) >= 0
    return []
  endif
  add(folders, root)
  return [Folder(root)]
enddef
