package sample

import (
	"encoding/json"
	"net/http"
	"os"
)

// mediaType of the LFS batch API, in both directions.
const mediaType = "application/vnd.git-lfs+json"

type batchRequest struct {
	Operation string
	Transfers []string
	HashAlgo  string `json:"hash_algo"`
	Objects   []batchObject
}

type batchResponse struct {
	Transfer string        `json:"transfer"`
	Objects  []batchObject `json:"objects"`
	HashAlgo string        `json:"hash_algo"`
}

type batchObject struct {
	OID     string                 `json:"oid"`
	Size    int64                  `json:"size"`
	Actions map[string]batchAction `json:"actions,omitempty"`
	Error   *batchError            `json:"error,omitempty"`
}

type batchAction struct {
	Href      string `json:"href"`
	ExpiresIn int    `json:"expires_in"`
}

type batchError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

// batch answers with a URL for each object there is and an error for each there is not.
func (s *Server) batch(w http.ResponseWriter, r *http.Request) {
	var request batchRequest
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		batchFailure(w, http.StatusUnprocessableEntity, "malformed request")
		return
	}
	if request.Operation != "download" {
		batchFailure(w, http.StatusForbidden, "only download is offered")
		return
	}
	response := batchResponse{Transfer: "basic", HashAlgo: "sha256", Objects: []batchObject{}}
	for _, o := range request.Objects {
		response.Objects = append(response.Objects, s.offer(origin(r), o))
	}
	w.Header().Set("Content-Type", mediaType)
	json.NewEncoder(w).Encode(response)
}

func (s *Server) offer(origin string, o batchObject) batchObject {
	offer := batchObject{OID: o.OID, Size: o.Size}
	name, err := s.repository.Object(o.OID)
	if err != nil {
		offer.Error = &batchError{http.StatusNotFound, "Object does not exist on the server"}
		return offer
	}
	if info, err := os.Stat(name); err == nil {
		offer.Size = info.Size()
	}
	href := origin + "/lfs/" + o.OID + "?X-Amz-Expires=3600&X-Amz-Signature=" + Signature
	offer.Actions = map[string]batchAction{"download": {Href: href, ExpiresIn: 3600}}
	return offer
}

func batchFailure(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"message": message})
}

// origin is the server as the client sees it.
func origin(r *http.Request) string {
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
