"""Decide what is worth learning from: each gate gives the reason for which it drops something, or None.

    paths       what nobody types, told by its path: vendored, generated, lock files, translations, links
    attributes  what the repository's own `.gitattributes` say of a path; they overrule `paths`
    contents    what cannot be learned from, told by its bytes: binary, encoded, minified, generated, data
    licences    what belongs to somebody else: headers and folders with another holder or licence
    commits     what teaches no edit: merges, bots, reverts, bumps, reformatting, cherry-picks

Nothing here reads a repository or writes anything; callers count the reasons.
"""
