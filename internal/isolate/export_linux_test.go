package isolate

// ChildEnv is for tests in processes of their own.
const ChildEnv = childEnv

// HasSubIDs is for tests in processes of their own.
func HasSubIDs() bool { return hasSubIDs.Load() }
