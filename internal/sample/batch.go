package sample

import (
	"cmp"
	"encoding/json"
	"math"
	"net/http"
	"os"
	"time"
)

// mediaType of the LFS batch API, in both directions.
const mediaType = "application/vnd.git-lfs+json"

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
func (s *Server) serveBatch(w http.ResponseWriter, r *http.Request, fault BatchFault) {
	var request batchRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		writeBatchError(w, http.StatusUnprocessableEntity, "malformed request")
		return
	}
	if request.Operation != "download" {
		writeBatchError(w, http.StatusForbidden, "only download is offered")
		return
	}
	if fault.Limit > 0 && len(request.Objects) > fault.Limit {
		writeBatchError(w, http.StatusRequestEntityTooLarge, "too many objects")
		return
	}
	response := BatchResponse{cmp.Or(fault.Transfer, "basic"), []BatchObject{}, cmp.Or(fault.HashAlgo, "sha256")}
	for _, o := range request.Objects {
		response.Objects = append(response.Objects, s.batchObjects(r, o, s.objectFault(o.OID, fault))...)
	}
	if fault.Edit != nil {
		fault.Edit(&response)
	}
	w.Header().Set("Content-Type", mediaType)
	fault.write(w, response)
}

// batchObjects is what the answer says of one object; usually it is one thing.
func (s *Server) batchObjects(r *http.Request, o BatchObject, fault BatchFault) []BatchObject {
	offer := BatchObject{OID: o.OID, Size: o.Size}
	name, err := s.repository.Object(o.OID)
	if err != nil {
		offer.Error = &BatchError{http.StatusNotFound, "Object does not exist on the server"}
		return []BatchObject{offer}
	}
	if info, err := os.Stat(name); err == nil {
		offer.Size = info.Size()
	}
	offer.Actions = map[string]BatchAction{"download": s.downloadAction(r, o.OID, fault)}
	return fault.apply(offer)
}

// downloadAction is the signed URL of an object.
func (s *Server) downloadAction(r *http.Request, oid string, fault BatchFault) BatchAction {
	lifetime := cmp.Or(fault.Lifetime, defaultLifetime)
	signed := newSignedURL(oid, lifetime)
	action := BatchAction{
		ExpiresAt: time.Now().Add(lifetime).UTC().Format(time.RFC3339),
		ExpiresIn: int(math.Ceil(lifetime.Seconds())),
	}
	if s.accessRules().Gitea {
		action.Header = map[string]string{"Authorization": r.Header.Get("Authorization")}
	}
	if fault.Token {
		signed = signed.withToken()
		action.Header = map[string]string{"Authorization": signed.authorization()}
	}
	action.Href = fault.href(s.baseURL(r, fault.Base), signed.requestURI())
	return fault.editAction(action)
}

func writeBatchError(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"message": message})
}
