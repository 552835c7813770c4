package store

import (
	"github.com/oore-ci/oore/app/core"
)

type deliveryRow struct {
	ID            string `gorm:"primaryKey"`
	Provider      string
	DeliveryID    string
	IntegrationID string
	Event         string
	Action        string
	Repository    string
	Ref           string
	SHA           string
	Actor         string
	Status        string
	ReasonCode    string
	ReasonText    string
	Verdicts      []core.DeliveryVerdict `gorm:"serializer:json"`
	Reply         string
	Attempts      int
	NotBefore     int64
	ReceivedAt    int64
	ProcessedAt   *int64
	Payload       []byte
	BodySHA256    string `gorm:"column:body_sha256"`
}

// TableName is gorm's.
func (deliveryRow) TableName() string { return "deliveries" }

func newDeliveryRow(d core.Delivery) deliveryRow {
	return deliveryRow{
		ID: d.ID, Provider: string(d.Provider), DeliveryID: d.DeliveryID, IntegrationID: d.IntegrationID, Event: d.Event, Action: d.Action,
		Repository: d.Repository, Ref: d.Ref, SHA: d.SHA, Actor: d.Actor, Status: string(d.Status),
		ReasonCode: d.Reason.Code, ReasonText: d.Reason.Text, Verdicts: d.Verdicts, Reply: d.Reply, Attempts: d.Attempts,
		NotBefore: micros(d.NotBefore), ReceivedAt: micros(d.ReceivedAt), ProcessedAt: microsOrNil(d.ProcessedAt), Payload: d.Payload, BodySHA256: d.BodySHA256,
	}
}

func (r deliveryRow) toCore() core.Delivery {
	return core.Delivery{
		ID: r.ID, Provider: core.Provider(r.Provider), DeliveryID: r.DeliveryID, IntegrationID: r.IntegrationID, Event: r.Event, Action: r.Action,
		Repository: r.Repository, Ref: r.Ref, SHA: r.SHA, Actor: r.Actor, Status: core.DeliveryStatus(r.Status),
		Reason: core.Reason{Code: r.ReasonCode, Text: r.ReasonText}, Verdicts: r.Verdicts, Reply: r.Reply, Attempts: r.Attempts,
		NotBefore: instant(r.NotBefore), ReceivedAt: instant(r.ReceivedAt), ProcessedAt: instantOrNil(r.ProcessedAt), Payload: r.Payload, BodySHA256: r.BodySHA256,
	}
}
