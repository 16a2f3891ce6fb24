"""What a record carries from elsewhere: properties of associated records, and of its owners.

Start at `carrier`, which makes observations of records with all of it. `associations` reads which
records are associated, `associated_records` what they are, `blocks` chooses and names; `owners` is
the list of owners.
"""
