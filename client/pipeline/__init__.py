"""The protected call, one file a part; `order` says how the parts are nested."""
