"""Things beside the head: shoulders and clothes, glasses, hands, hats."""
