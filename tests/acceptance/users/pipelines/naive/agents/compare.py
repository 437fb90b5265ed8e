def find_differences(old, new):
    found = [pair for pair in zip(old.split(), new.split(), strict=True) if pair[0] != pair[1]]
    print("differences:", found)
    return found
