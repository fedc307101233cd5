"""What the pages for people have in common: the policy that browsers enforce, and bounded lists of the admin."""
