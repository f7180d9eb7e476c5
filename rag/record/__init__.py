"""The record: what was asked, answered, summarised, ingested and erased, chained so that no change goes unseen."""
