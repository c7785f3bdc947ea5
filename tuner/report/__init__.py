"""The report room: a finished run in, one offline page out."""
