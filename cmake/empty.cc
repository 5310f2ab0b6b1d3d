// Keeps a library linkable while its layer has no source yet.
