package execstep

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"

	"lambdabase/internal/branches"
	"lambdabase/internal/execstep/contract"
	"lambdabase/internal/lfsstore"
	"lambdabase/internal/secrets"
)

func (s *step) listBranches(ctx context.Context) error {
	pem, err := s.readCA()
	if err != nil {
		return err
	}
	found, err := branches.List(ctx, branches.Remote{
		URL:         s.repository,
		Credentials: lfsstore.Credentials(s.repository, secrets.Dir(s.secrets)),
		CABundle:    pem,
		KnownHosts:  os.Getenv(contract.KnownHostsEnv),
		Agent:       contract.AgentSocket,
	})
	if err != nil {
		return err
	}
	dt, err := json.Marshal(found)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(s.out, contract.BranchesFile), dt, 0o644)
}
