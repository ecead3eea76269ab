package githost

import (
	"encoding/json"
	"net/http"
	"os"
)

// MediaType of the LFS batch API, in both directions.
const MediaType = "application/vnd.git-lfs+json"

type batchRequest struct {
	Operation string
	Transfers []string
	HashAlgo  string `json:"hash_algo"`
	Objects   []BatchObject
}

// BatchResponse is what the batch API answers.
type BatchResponse struct {
	Transfer string        `json:"transfer"`
	Objects  []BatchObject `json:"objects"`
	HashAlgo string        `json:"hash_algo"`
}

// BatchObject has actions, or an error.
type BatchObject struct {
	OID     string                 `json:"oid"`
	Size    int64                  `json:"size"`
	Actions map[string]BatchAction `json:"actions,omitempty"`
	Error   *BatchError            `json:"error,omitempty"`
}

// BatchAction says where an object is and until when.
type BatchAction struct {
	Href      string            `json:"href"`
	Header    map[string]string `json:"header,omitempty"`
	ExpiresAt string            `json:"expires_at,omitempty"`
	ExpiresIn int               `json:"expires_in,omitempty"`
}

// BatchError is why there is no action for an object.
type BatchError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// serveBatch answers with a URL for each object there is and an error for each there is not.
func (s *Server) serveBatch(w http.ResponseWriter, r *http.Request) {
	var request batchRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		writeBatchError(w, http.StatusUnprocessableEntity, "malformed request")
		return
	}
	if request.Operation != "download" {
		writeBatchError(w, http.StatusForbidden, "only download is offered")
		return
	}
	response := BatchResponse{"basic", []BatchObject{}, "sha256"}
	for _, o := range request.Objects {
		response.Objects = append(response.Objects, s.batchObject(r, o))
	}
	w.Header().Set("Content-Type", MediaType)
	json.NewEncoder(w).Encode(response)
}

// batchObject is what the answer says of one object.
func (s *Server) batchObject(r *http.Request, o BatchObject) BatchObject {
	name, err := s.repository.Object(o.OID)
	if err != nil {
		return BatchObject{OID: o.OID, Size: o.Size, Error: &BatchError{http.StatusNotFound, "Object does not exist on the server"}}
	}
	size := o.Size
	if info, err := os.Stat(name); err == nil {
		size = info.Size()
	}
	action := NewSignedURL(o.OID, DefaultLifetime).Action(BaseURL(r))
	if s.accessRules().Gitea {
		action.Header = map[string]string{"Authorization": r.Header.Get("Authorization")}
	}
	return BatchObject{OID: o.OID, Size: size, Actions: map[string]BatchAction{"download": action}}
}

func writeBatchError(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", MediaType)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"message": message})
}
