"""Update feeds: fetch, accept or refuse, ingest; a refused feed keeps its last good snapshot."""
